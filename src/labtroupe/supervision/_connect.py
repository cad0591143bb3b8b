"""Connecting: waiting until actors run, and having their devices prove that they are there now.

Nobody connects but the supervisor, whose starts are the attempts.  Who wants an
actor connected says so, and watches; so any number of callers may, and one that
stops waiting takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import trio

from labtroupe.actor import ActorRef, Cell, Stage
from labtroupe.errors import CommandTimeout, LabtroupeError, LinkError, Outcome, sentence
from labtroupe.lifecycle import State
from labtroupe.messages import Message, WhenIdle, commands_of
from labtroupe.policy import Phase, Wanted
from labtroupe.supervision._child import Member
from labtroupe.supervision._supervisor import Supervisor

# A member, and whose it is.
_Found: TypeAlias = tuple[Supervisor, Member]


async def connect(supervisor: Supervisor, names: Iterable[str], *, force: bool = False) -> None:
    """Want actors running, and wait until each does or has been tried in vain.

    One that runs is left as it is.  One that was stopped or has failed is started,
    and one that backs off is tried at once, and so is what it depends on.

    Args:
        supervisor: Of the tree in which they are.
        names: Which.
        force: Give those that run a new life.  Of several callers that want this at
            the same time, each gets the same new life.

    Raises:
        UnknownInstrumentError: There is none of one of these names; nothing was done.
        NotRunning: The supervisor is stopping all of them.
    """
    members = [supervisor.member(name) for name in names]
    for member in members:
        name, state = member.spec.name, member.cell.state
        if state is State.RUNNING and force:
            supervisor.restart(name)
        elif member.record.wanted not in {Wanted.RUNNING, Wanted.IF_USED}:
            supervisor.start(name)
    await _wait_tried(supervisor, members)


async def ensure_connected(
    supervisor: Supervisor, refs: Iterable[ActorRef[Any]], unproved: dict[str, str]
) -> None:
    """Have the devices of actors prove that they are there now; who does not is connected anew, once.

    The proof is an answer to the command that its class declares with `labtroupe.when_idle`;
    without such a one, to run is all that can be asked for.  What an operator has stopped or
    halted stays so.

    Args:
        supervisor: Of the tree in which they are.
        refs: Whom.
        unproved: Is filled with those who have not proved it so far, and why, in words.

    Raises:
        UnknownInstrumentError: The supervisor has none of one of these names.
    """
    missing = list({ref.name: ref for ref in refs}.values())
    unproved.update((ref.name, "it has not answered yet") for ref in missing)
    silent = set[str]()
    for _ in range(2):
        for owner, member in map(supervisor.find, silent):
            member.record.renew()
            owner.keeper.look()
        silent.clear()
        members = [supervisor.member(ref.name) for ref in missing]
        await _wait_tried(supervisor, members)
        async with trio.open_nursery() as nursery:
            for ref, member in zip(missing, members, strict=True):
                nursery.start_soon(_prove, ref, member.cell, unproved, silent)
        missing = [ref for ref in missing if ref.name in unproved]


def names_with_dependencies(supervisor: Supervisor, names: Iterable[str]) -> Sequence[str]:
    """Return names, and those of all that they depend on, each after that.

    Raises:
        UnknownInstrumentError: There is none of one of these names.
    """
    found: dict[str, None] = {}

    def find(name: str) -> None:
        if name not in found:
            for needed in supervisor.member(name).record.policy.depends_on:
                find(needed)
            found[name] = None

    for name in names:
        find(name)
    return list(found)


async def _prove(ref: ActorRef[Any], cell: Cell, unproved: dict[str, str], silent: set[str]) -> None:
    """Have a device answer, and take it out of the unproved; note if it was asked and did not."""
    if cell.state is not State.RUNNING:
        unproved[cell.name] = f"{cell.state}: {cell.reason}" if cell.reason else str(cell.state)
        return
    probe = _probe_of(cell.actor_type)
    try:
        if probe is not None:
            await ref.ask(probe)
    except LabtroupeError as error:
        # To say no is an answer.
        if error.outcome is not Outcome.REFUSED:
            unproved[cell.name] = sentence(error)
            # One that was still busy with something else is left to it.
            asked = isinstance(error, CommandTimeout) and error.stage == Stage.RUNNING
            if cell.up and (asked or isinstance(error, LinkError)):
                silent.add(cell.name)
            return
    unproved.pop(cell.name, None)


def _probe_of(actor_type: type[Any]) -> Message[object] | None:
    """Return what is asked of an actor to see whether its device is there; ``None`` if it does not say."""
    commands = commands_of(actor_type).values()
    return next((each.plain for each in commands if isinstance(each.schedule, WhenIdle)), None)


async def _wait_tried(supervisor: Supervisor, members: Sequence[Member]) -> None:
    """Wait until each runs, or has been tried in vain; whoever waits for a later try is tried now."""
    names = names_with_dependencies(supervisor, [member.spec.name for member in members])
    pending = [each for name in names for each in _with_branches(*supervisor.find(name))]
    # The try that these have begun is the one to wait for.
    hurried = {each.spec.name for _, each in pending if each.record.phase is Phase.STARTING}
    failed = set[str]()
    with _awaited([member for _, member in pending]):
        while True:
            _hurry(pending, hurried)
            tried = [each for each in pending if _is_tried(*each, failed)]
            # Once and for all: some may have begun the next try before the last has had its first.
            failed.update(member.spec.name for _, member in tried if member.cell.state is not State.RUNNING)
            pending = [each for each in pending if each not in tried]
            if not pending:
                return
            await _wait_look({id(owner): owner for owner, _ in pending}.values())


def _with_branches(owner: Supervisor, member: Member) -> Iterator[_Found]:
    """Yield the supervisors in which a member is, as members of those above them, and then itself."""
    if owner.above is not None:
        branch = next(each for each in owner.above if each.spec.inner is owner)
        yield from _with_branches(owner.above, branch)
    yield owner, member


def _hurry(pending: Sequence[_Found], hurried: set[str]) -> None:
    """Let those wait no longer, and those for whom they wait, that have not been hurried before."""
    owners: dict[int, Supervisor] = {}
    for owner, member in pending:
        waits_for = owner.keeper.roster.waits_for(member.record)
        for each in (member, *map(owner.member, waits_for)):
            if each.spec.name not in hurried and owner.keeper.want_now(each.record):
                hurried.add(each.spec.name)
                owners[id(owner)] = owner
    for owner in owners.values():
        owner.keeper.look()


async def _wait_look(owners: Iterable[Supervisor]) -> None:
    """Wait until one of the supervisors has looked at its records once more."""
    # Taken now, and not by the tasks: there may be a look before their first step.
    looks = [owner.keeper.next_look for owner in owners]
    async with trio.open_nursery() as nursery:

        async def wait(look: trio.Event) -> None:
            await look.wait()
            nursery.cancel_scope.cancel("one is enough")

        for look in looks:
            nursery.start_soon(wait, look)


@contextmanager
def _awaited(members: Sequence[Member]) -> Generator[None]:
    """Let members come first where not all can start at once."""
    for member in members:
        member.callers += 1
    try:
        yield
    finally:
        for member in members:
            member.callers -= 1


def _is_tried(owner: Supervisor, member: Member, failed: Collection[str]) -> bool:
    """Whether nothing is about to happen to a member that would help it, unless somebody does something."""
    if member.record.phase is Phase.WEDGED:
        return True
    match member.cell.state:
        case State.STARTING:
            waits_for = owner.keeper.roster.waits_for(member.record)
            return any(_has_failed(owner, name, failed) for name in waits_for)
        case State.STOPPING:
            return not member.cell.restarting
        case State.RUNNING:
            # Otherwise its life is over, and nobody has looked since.
            return member.cell.up
        case _:
            return True


def _has_failed(owner: Supervisor, name: str, failed: Collection[str]) -> bool:
    member = owner.member(name)
    return name in failed or (member.cell.state is not State.RUNNING and _is_tried(owner, member, failed))
