"""The supervisor: the face of a tree of actors, for applications and operators."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import attrs
import trio

from labtroupe.actor import Actor, ActorRef, Cell, Latch, Mailbox
from labtroupe.errors import NotRunning, TooManyChildren, UnknownInstrumentError, WrongState
from labtroupe.lifecycle import State
from labtroupe.messages import Event
from labtroupe.policy import STARTS_AT_ONCE, AutoShutdown, Child, Group, Roster
from labtroupe.records import SafetyReport
from labtroupe.supervision._child import ChildSpec, Member
from labtroupe.supervision._halt import halt_all
from labtroupe.supervision._keeper import Keeper
from labtroupe.supervision._show import show
from labtroupe.supervision._tree import check_names, check_orders, check_reset

A = TypeVar("A", bound=Actor)


def _ignore(_: object) -> None:
    """Take an event that nobody wants, or who does not stop: what there is to do, only a program can know."""


@attrs.define(eq=False)
class Supervisor:
    """Keeps actors alive: restarts them with growing pauses, and parks or gives up where that does not help.

    Names are unique in the whole tree, and every method that takes one finds it
    in the supervisors below this one too.

    Attributes:
        publish: Called with every event; must not block and must not raise.
        chance: Where the jitter of backoffs comes from; seed it for a repeatable run.
        groups: The groups that children name in their policies; ``""`` is that of those which name none.
        auto_shutdown: Whether it ends with its significant children.
        max_children: How many children it may have.
        starts_at_once: How many of them may be starting at the same time, each for at most a second.
        above: The supervisor whose child this one is; ``None`` at the top.
        on_wedged: Called when only children are left, at any depth, that do not stop; to return is to wait.
        keeper: Who starts and stops the children.
    """

    _specs: Sequence[ChildSpec]
    publish: Callable[[Event], None] = _ignore
    chance: random.Random = attrs.field(factory=random.Random)
    groups: Mapping[str, Group] = attrs.field(factory=dict[str, Group], kw_only=True)
    auto_shutdown: AutoShutdown = attrs.field(default=AutoShutdown.NEVER, kw_only=True)
    max_children: float = attrs.field(default=math.inf, kw_only=True)
    starts_at_once: int = attrs.field(default=STARTS_AT_ONCE, kw_only=True)
    on_wedged: Callable[[Sequence[Member]], None] = attrs.field(default=_ignore, kw_only=True)
    keeper: Keeper = attrs.field(init=False)
    above: Supervisor | None = attrs.field(default=None, init=False)
    _below: list[Supervisor] = attrs.field(factory=list["Supervisor"], init=False)

    def __attrs_post_init__(self) -> None:
        """Make the records; nothing is started.

        Raises:
            ValueError: Two children have one name, or a policy names what does not exist.
        """
        policies = {spec.name: spec.whole_policy for spec in self._specs}
        roster = Roster.of(policies, self.groups, self.auto_shutdown, self.starts_at_once)
        self.keeper = Keeper(roster, self.chance, self.walk, self._report_wedged)
        for spec in self._specs:
            check_names(self.root, spec)
            self._enter(spec, roster[spec.name])

    def __iter__(self) -> Iterator[Member]:
        """Iterate over its own members in the order of their specs."""
        return iter(self.keeper.members.values())

    def walk(self) -> Iterator[Member]:
        """Iterate over all members of the tree below it, each before those below it."""
        for member in self:
            yield member
            if member.spec.inner is not None:
                yield from member.spec.inner.walk()

    def has(self, name: str) -> bool:
        """Whether the tree below it has a member of this name."""
        return name in self.keeper.members or any(inner.has(name) for inner in self._below)

    def member(self, name: str) -> Member:
        """Return one member of the tree below it.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.find(name)[1]

    def ref(self, name: str, actor_type: type[A]) -> ActorRef[A]:
        """Return the ref to an actor, valid over all its lives.

        Raises:
            UnknownInstrumentError: There is none of this name.
            TypeError: It is not of this class.
        """
        cell = self.member(name).cell
        if not issubclass(cell.actor_type, actor_type):
            raise TypeError(f"{name} is a {cell.actor_type.__name__}, not a {actor_type.__name__}")
        return ActorRef(cell)

    def start(self, name: str) -> None:
        """Want a child running: one that is stopped, failed or backs off is started now.

        Raises:
            UnknownInstrumentError: There is none of this name.
            NotRunning: The supervisor is stopping all of them.
        """
        self._order(name, Roster.start)

    def stop(self, name: str) -> None:
        """Want a child stopped, until somebody starts it; raises as `start` does."""
        self._order(name, Roster.stop)

    def restart(self, name: str) -> None:
        """Want a new life of a child: this one is stopped first, if there is one; raises as `start` does."""
        self._order(name, Roster.restart)

    def add(self, spec: ChildSpec) -> ActorRef[Any]:
        """Take another child, and start it; return the ref to it.

        A temporary one is forgotten when its life has ended.

        Raises:
            WrongState: There is one of this name already.
            TooManyChildren: It has as many as it may have.
            ValueError: What it depends on, or its group, is unknown.
            NotRunning: The supervisor is stopping all of them.
        """
        keeper = self.keeper
        if self.root.has(spec.name):
            state = self.root.member(spec.name).cell.state
            raise WrongState(f"there is a child {spec.name!r} already, and it is {state}", state=state)
        check_names(self.root, spec)
        if len(keeper.members) >= self.max_children:
            raise TooManyChildren(f"{spec.name} would be one more than the {self.max_children:g} allowed")
        member = self._enter(spec, keeper.roster.children.add(spec.name, spec.whole_policy))
        member.passing = True
        show(member, keeper.roster)
        try:
            check_orders(self, member)
        except NotRunning:
            keeper.forget(member)
            raise
        keeper.kick()
        return ActorRef(member.cell)

    def remove(self, name: str) -> None:
        """Forget a child that does not run and is not going to.

        Raises:
            UnknownInstrumentError: There is none of this name.
            WrongState: It runs, is going to, or others depend on it.
            NotRunning: The supervisor is stopping all of them.
        """
        owner, member = self.find(name)
        check_orders(owner, member)
        roster = owner.keeper.roster
        state = roster.state(member.record)
        if not roster.idle(member.record):
            raise WrongState(f"{name} is {state}, and is stopped first", state=state)
        if dependents := roster.children.dependents(member.record):
            raise WrongState(f"{', '.join(dependents)} depends on {name}", state=state)
        owner.keeper.forget(member)

    def suspend(self, name: str) -> None:
        """Let a child finish what it does, and take nothing more, until `resume`; raises as `start` does."""
        self._on_cell(name, Cell.suspend)

    def resume(self, name: str) -> None:
        """Let a child take commands again; raises as `start` does."""
        self._on_cell(name, Cell.resume)

    def clear(self, name: str) -> None:
        """Let a child carry out again what was quarantined; raises as `start` does."""
        self._on_cell(name, Cell.clear_quarantine)

    async def halt(self, names: Collection[str] | None, reason: str) -> Sequence[SafetyReport]:
        """Latch children now, and return what became of their safe states.

        What runs is cancelled, what waits is refused, and nothing begins any
        more until `reset`.  That much is done before this first waits.

        Args:
            names: Which; ``None`` for all of the tree.
            reason: Why, in words; shown wherever something is refused for it.

        Raises:
            UnknownInstrumentError: There is none of a name; nothing was halted.
        """
        chosen = self.keeper.actors() if names is None else [self.member(name) for name in names]
        try:
            return await halt_all([member.cell for member in chosen], Latch(reason))
        finally:
            self.keeper.show_all()

    def reset(self, name: str) -> None:
        """Let go of the latch of a child.

        Raises:
            NotRunning: Just now all are made safe because one could not be kept running.
        """
        check_reset(*self.find(name))
        self._on_cell(name, Cell.reset)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the children as they are wanted until cancelled, then stop them in order.

        Returns by itself when its significant children have ended, as ``auto_shutdown`` says.

        Raises:
            RestartLimitError: A required child did not start, or restarting a
                critical one did not help.  All others have been stopped by then.
        """
        await self.keeper.run(task_status)

    async def wait_been_up(self, name: str) -> None:
        """Wait until a child has been up once, whatever has become of it since."""
        owner, member = self.find(name)
        while not member.record.ever_up:
            await owner.keeper.wait_look()

    async def wait_first_starts(self) -> None:
        """Wait until each child has come up or failed to; some of these may be at their next try by then."""
        roster, untried = self.keeper.roster, [member.record for member in self]
        while not all(roster.settled(each) or each.ever_up for each in untried):
            await self.keeper.wait_look()
            untried = [each for each in untried if not roster.settled(each) or roster.waits_for(each)]

    async def wait_state(self, name: str, state: State) -> None:
        """Wait until a child is in this state."""
        watched = self.member(name).cell.watched_state
        await watched.wait_value(state)  # pyright: ignore[reportUnknownMemberType] - trio_util has no types

    async def wait_settled(self, name: str) -> State:
        """Wait until nothing is about to happen to a child, and return its state."""
        owner, member = self.find(name)
        while not owner.keeper.roster.settled(member.record):
            await owner.keeper.wait_look()
        show(member, owner.keeper.roster)  # Its life may have ended since that look.
        return member.cell.state

    @property
    def root(self) -> Supervisor:
        """The supervisor above all others of its tree."""
        return self if self.above is None else self.above.root

    def _report_wedged(self, wedged: Sequence[Member]) -> None:
        self.on_wedged(wedged)
        if self.above is not None:
            # It may have waited for these alone.
            self.above.keeper.kick()

    def _enter(self, spec: ChildSpec, record: Child) -> Member:
        keeper = self.keeper
        if spec.inner is not None:
            self._below.append(spec.inner)
            spec.inner.above = self
        cell = Cell(spec.name, spec.actor_type, Mailbox(spec.mailbox), keeper.deadlines, self.publish)
        if spec.policy.on_demand:
            cell.wake_up = partial(keeper.use, record)
        member = keeper.members[spec.name] = Member(spec, record, cell)
        return member

    def find(self, name: str) -> tuple[Supervisor, Member]:
        """Return a member of the tree below it, and whose it is; raises as `member` does."""
        if name in self.keeper.members:
            return self, self.keeper.members[name]
        if (inner := next((each for each in self._below if each.has(name)), None)) is not None:
            return inner.find(name)
        known = ", ".join(member.spec.name for member in self.walk())
        raise UnknownInstrumentError(f"there is no instrument {name!r}; there are: {known}")

    def _order(self, name: str, verb: Callable[[Roster, Child], None]) -> None:
        """Change what is wanted of a child, visibly at once, and have it looked at."""
        owner, member = self.find(name)
        check_orders(owner, member)
        verb(owner.keeper.roster, member.record)
        show(member, owner.keeper.roster)
        # At once, so that nothing begins any more when an operator's stop has returned.
        owner.keeper.look()

    def _on_cell(self, name: str, verb: Callable[[Cell], None]) -> None:
        owner, member = self.find(name)
        verb(member.cell)
        show(member, owner.keeper.roster)
