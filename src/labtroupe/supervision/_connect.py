"""Connecting: waiting until actors run, and having their devices prove that they are there now.

Nobody connects but the supervisor, whose starts are the attempts.  Who wants an
actor connected says so, and watches; so any number of callers may, and one that
stops waiting takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import trio

from labtroupe.actor import ActorRef, Cell
from labtroupe.errors import LabtroupeError, Outcome, sentence
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
    missing = list(refs)
    unproved.update((ref.name, "it has not answered yet") for ref in missing)
    for _ in range(2):
        members = [supervisor.member(ref.name) for ref in missing]
        await _wait_tried(supervisor, members)
        async with trio.open_nursery() as nursery:
            for ref, member in zip(missing, members, strict=True):
                nursery.start_soon(_prove, ref, member.cell, unproved)
        missing = [ref for ref in missing if ref.name in unproved]


def names_with_dependencies(supervisor: Supervisor, names: Iterable[str]) -> Sequence[str]:
    """Return names, and those of all that they depend on, each after that.

    Raises:
        UnknownInstrumentError: There is none of one of these names.
    """
    found: dict[str, None] = {}
    for name in names:
        if name not in found:
            needed = supervisor.member(name).record.policy.depends_on
            found.update(dict.fromkeys(names_with_dependencies(supervisor, needed)))
            found[name] = None
    return list(found)


async def _prove(ref: ActorRef[Any], cell: Cell, unproved: dict[str, str]) -> None:
    """Have a device answer, and take it out of the unproved."""
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
            return
    del unproved[cell.name]


def _probe_of(actor_type: type[Any]) -> Message[object] | None:
    """Return what is asked of an actor to see whether its device is there; ``None`` if it does not say."""
    commands = commands_of(actor_type).values()
    return next((each.plain for each in commands if isinstance(each.schedule, WhenIdle)), None)


async def _wait_tried(supervisor: Supervisor, members: Sequence[Member]) -> None:
    """Wait until each runs, or has been tried in vain; whoever waits for a later try is tried now."""
    names = names_with_dependencies(supervisor, [member.spec.name for member in members])
    found = [supervisor.find(name) for name in names]
    # The try that these have begun is the one to wait for.
    unhurried: Sequence[_Found] = [
        (owner, each) for owner, each in found if each.record.phase is not Phase.STARTING
    ]
    with _awaited([member for _, member in found]):
        while True:
            unhurried = _hurry(unhurried)
            pending = [owner for owner, member in found if not _is_tried(owner, member)]
            if not pending:
                return
            await pending[0].keeper.wait_look()


def _hurry(found: Sequence[_Found]) -> Sequence[_Found]:
    """Let members wait no longer for their use or their next try, and return those that did not."""
    hurried = [(owner, member) for owner, member in found if owner.keeper.want_now(member.record)]
    for owner in dict.fromkeys(owner for owner, _ in hurried):
        owner.keeper.look()
    return [each for each in found if each not in hurried] if hurried else found


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


def _is_tried(owner: Supervisor, member: Member) -> bool:
    """Whether nothing is about to happen to a member, unless somebody does something."""
    match member.cell.state:
        case State.STARTING:
            waits_for = owner.keeper.roster.waits_for(member.record)
            return any(_has_failed(owner, owner.member(name)) for name in waits_for)
        case State.STOPPING:
            return member.record.phase is Phase.WEDGED or not member.cell.restarting
        case State.RUNNING:
            # Otherwise its life is over, and nobody has looked since.
            return member.cell.up
        case _:
            return True


def _has_failed(owner: Supervisor, member: Member) -> bool:
    return member.cell.state is not State.RUNNING and _is_tried(owner, member)
