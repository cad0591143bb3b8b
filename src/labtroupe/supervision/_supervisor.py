"""The supervisor: keeps its children as they are wanted, and stops them in order.

One task looks at the records (`labtroupe.policy.Roster`), starts and stops what
they say, and sleeps until something changes them or something becomes due.
Nobody else starts or stops a child.

The children live in a nursery that is shielded from what cancels the
supervisor.  trio cancels all tasks of a nursery at once and in no order; behind
the shield, a Ctrl-C, an error elsewhere and giving up all become the same
ordered stop: dependents before what they depend on, each with time to clean up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import attrs
import trio

from labtroupe.actor import Actor, ActorRef, Cell, Deadlines, Mailbox
from labtroupe.errors import RestartLimitError, Unavailable, UnknownInstrumentError, sentence
from labtroupe.lifecycle import State
from labtroupe.messages import CleanupFailed, Event
from labtroupe.policy import Child, Phase, Roster, Wanted, state_of
from labtroupe.supervision._child import ChildSpec, Member, live_one_life

A = TypeVar("A", bound=Actor)

# In these states nobody is going to carry out what waits in the mailbox.
_REFUSING: Final = frozenset({State.STOPPED, State.FAILED})


def _ignore(_: Event) -> None:
    """Take an event that nobody wants."""


@attrs.define(eq=False)
class Supervisor:
    """Keeps actors alive: restarts them with growing pauses, and parks or gives up where that does not help.

    Attributes:
        publish: Called with every event; must not block and must not raise.
        chance: Where the jitter of backoffs comes from; seed it for a repeatable run.
    """

    _specs: Sequence[ChildSpec]
    publish: Callable[[Event], None] = _ignore
    chance: random.Random = attrs.field(factory=random.Random)
    _roster: Roster = attrs.field(init=False)
    _members: dict[str, Member] = attrs.field(factory=dict[str, Member], init=False)
    _deadlines: Deadlines = attrs.field(factory=Deadlines, init=False)
    # The children's nursery, while the supervisor runs.
    _children: trio.Nursery | None = attrs.field(default=None, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _looked: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the records; nothing is started."""
        self._roster = Roster.of({spec.name: spec.policy for spec in self._specs})
        for spec in self._specs:
            cell = Cell(spec.name, spec.actor_type, Mailbox(spec.mailbox), self._deadlines, self.publish)
            self._members[spec.name] = Member(spec, self._roster[spec.name], cell)

    def __iter__(self) -> Iterator[Member]:
        """Iterate over the members in the order of their specs."""
        return iter(self._members.values())

    def member(self, name: str) -> Member:
        """Return one member.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        try:
            return self._members[name]
        except KeyError:
            known = ", ".join(self._members)
            raise UnknownInstrumentError(f"there is no instrument {name!r}; there are: {known}") from None

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
        record = self.member(name).record
        if record.phase not in {Phase.STARTING, Phase.UP} or record.wanted is not Wanted.RUNNING:
            self._order(name, Wanted.RUNNING)

    def stop(self, name: str) -> None:
        """Want a child stopped, until somebody starts it; raises as `start` does."""
        self._order(name, Wanted.STOPPED, "stopped by an operator")

    def restart(self, name: str) -> None:
        """Want a new life of a child: this one is stopped first, if there is one; raises as `start` does."""
        record = self.member(name).record
        # Before the order, which is carried out at once: a life that it starts is not to go down again.
        record.cycle = not self._roster.closed and record.phase in {Phase.STARTING, Phase.UP}
        self._order(name, Wanted.RUNNING)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the children as they are wanted until cancelled, then stop them in order.

        Raises:
            RestartLimitError: A required child did not start, or restarting a
                critical one did not help.  All others have been stopped by then.
        """
        over = trio.Event()
        async with trio.open_nursery() as nursery:
            # Shielded: cancelled between its start and `over`, the shelter
            # would stand for ever, as nobody would be left to end it.
            with trio.CancelScope(shield=True):
                self._children = await nursery.start(self._shelter, over)
            try:
                task_status.started()
                await self._reconcile_until(lambda: self._roster.gave_up is not None)
            finally:
                self._roster.close()
                with trio.CancelScope(shield=True):
                    await self._reconcile_until(lambda: self._roster.all_gone)
                self._children = None
                over.set()
        self._raise_if_given_up()

    async def wait_been_up(self, name: str) -> None:
        """Wait until a child has been up once, whatever has become of it since."""
        while not self.member(name).record.ever_up:
            await self._looked.wait()

    async def wait_state(self, name: str, state: State) -> None:
        """Wait until a child is in this state."""
        watched = self.member(name).cell.watched_state
        await watched.wait_value(state)  # pyright: ignore[reportUnknownMemberType] - trio_util has no types

    async def wait_settled(self, name: str) -> State:
        """Wait until nothing is about to happen to a child, and return its state."""
        record, cell = self.member(name).record, self.member(name).cell
        while not self._roster.settled(record) or cell.state is not state_of(record):
            await self._looked.wait()
        return cell.state

    async def _shelter(self, over: trio.Event, task_status: trio.TaskStatus[trio.Nursery]) -> None:
        """Hold the children's nursery, beyond the reach of any cancel from outside."""
        with trio.CancelScope(shield=True):
            # Around the children, because a request of one that is wedged still ends on time.
            async with trio.open_nursery() as deadlines:
                deadlines.start_soon(self._deadlines.run)
                async with trio.open_nursery() as children:
                    task_status.started(children)
                    await over.wait()
                deadlines.cancel_scope.cancel("the supervisor has stopped its children")

    async def _reconcile_until(self, done: Callable[[], bool]) -> None:
        while True:
            self._changed = trio.Event()
            # One moment for both: what becomes due between two would be seen by neither.
            now = trio.current_time()
            self._reconcile(now)
            if done():
                return
            with trio.CancelScope(deadline=self._roster.next_look(now)):
                await self._changed.wait()

    def _reconcile(self, now: float) -> None:
        """Do what the records say; never waits, and is the only one who starts or stops."""
        if self._children is None:
            return
        for record in self._roster.due_stops(now):
            member = self._members[record.name]
            member.cell.go_down(for_good=record.wanted is not Wanted.RUNNING)
            member.scope.cancel("stopped by the supervisor")
        for record in self._roster.due_starts(now):
            member = self._members[record.name]
            member.scope = trio.CancelScope()
            member.cell.life += 1
            self._children.start_soon(self._live, member, name=f"{record.name}, life {member.cell.life}")
        for member in self:
            self._show(member)
        self._looked.set()
        self._looked = trio.Event()

    def _show(self, member: Member) -> None:
        """Let the cell say what the record says, and refuse what nobody will carry out."""
        record, cell = member.record, member.cell
        state = state_of(record)
        cell.restarting = record.wanted is Wanted.RUNNING
        cell.move(state, self._reason(record, state), retry_at=record.due if state is State.BACKOFF else None)
        if state in _REFUSING or (state is State.STOPPING and not cell.restarting):
            cell.flush(cell.refuse)
        elif state is State.BACKOFF:
            cell.refuse_the_impatient()

    def _reason(self, record: Child, state: State) -> str:
        """Return why a child is in this state; a running one needs no reason."""
        if record.phase is Phase.WEDGED:
            return "wedged: told to stop, and does not"
        if state is State.RUNNING:
            return ""
        if record.wanted is Wanted.RUNNING and state is not State.BACKOFF:
            waits_for = self._roster.waits_for(record)
            if waits_for:
                return f"waits for {', '.join(waits_for)}"
            return f"last time: {record.reason}" if record.reason else ""
        return record.reason

    async def _live(self, member: Member) -> None:
        record, cell = member.record, member.cell

        def started() -> None:
            self._roster.started(record, trio.current_time())
            cell.come_up()
            self._kick()

        def ending() -> None:
            cell.go_down()
            self._roster.ending(record, trio.current_time())
            self._kick()

        try:
            await live_one_life(member, started=started, ending=ending)
        finally:
            cell.go_down()
            failure = member.failure
            if failure is not None and record.asked:
                # Nobody decides anything by it any more, but it is not to be lost.
                cell.publish(CleanupFailed(instrument=record.name, reason=sentence(failure)))
            self._roster.ended(
                record,
                trio.current_time(),
                self.chance.random(),
                failure=None if failure is None else sentence(failure),
                unavailable=isinstance(failure, Unavailable),
            )
            self._kick()

    def _order(self, name: str, wanted: Wanted, reason: str = "") -> None:
        """Change what an operator wants of a child, visibly at once, and have it looked at."""
        member = self.member(name)
        if self._roster.closed:
            raise member.cell.refuse("the bench stops, and takes no orders any more")
        member.record.want(wanted, reason)
        self._show(member)
        # At once, so that nothing begins any more when an operator's stop has returned.
        self._reconcile(trio.current_time())
        self._kick()

    def _kick(self) -> None:
        self._changed.set()

    def _raise_if_given_up(self) -> None:
        # Outside the nursery, so that it arrives bare and not in a group.
        record = self._roster.gave_up
        if record is not None:
            error = RestartLimitError(f"given up: {record.reason}")
            error.instrument = record.name
            raise error from self._members[record.name].failure
