"""The keeper: the one who starts and stops the children of one supervisor.

One task looks at the records (`labtroupe.policy.Roster`), starts and stops what
they say, and sleeps until something changes them or something becomes due.
Nobody else starts or stops a child.

The children live in a nursery that is shielded from what cancels the
supervisor.  trio cancels all tasks of a nursery at once and in no order; behind
the shield, a Ctrl-C, an error elsewhere and giving up all become the same
ordered stop: dependents before what they depend on, each with time to clean up.

A Ctrl-C is for the program around it.  Where it meets the code of an actor, which
may hold up the loop, it ends that life, and is passed on.
"""

from __future__ import annotations

import math
import random
import signal
from collections.abc import Callable, Iterator, Sequence

import attrs
import trio

from labtroupe.actor import Change, ChangeKind, Deadlines, Latch
from labtroupe.errors import CommandCrashed, RestartLimitError, Unavailable, sentence
from labtroupe.messages import CleanupFailed
from labtroupe.policy import (
    Child,
    Phase,
    Restart,
    Roster,
    Wanted,
    leaves_nothing,
    never_began,
    restarts_softly,
)
from labtroupe.supervision._child import Member, live_one_life, settle_estate
from labtroupe.supervision._halt import halt_all
from labtroupe.supervision._show import show


@attrs.define(eq=False)
class Keeper:
    """Does what the roster says.

    Attributes:
        roster: The records.
        members: Their actors, by name.
        deadlines: Those of all their requests.
        stuck: All have been told to stop, and those that are left do not.
    """

    roster: Roster
    _chance: random.Random
    _walk: Callable[[], Iterator[Member]]
    _on_wedged: Callable[[Sequence[Member]], None]
    members: dict[str, Member] = attrs.field(factory=dict[str, Member], init=False)
    deadlines: Deadlines = attrs.field(factory=Deadlines, init=False)
    stuck: bool = attrs.field(default=False, init=False)
    # The children's nursery, while they are kept.
    _children: trio.Nursery | None = attrs.field(default=None, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _looked: trio.Event = attrs.field(factory=trio.Event, init=False)

    @trio.lowlevel.enable_ki_protection
    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """Keep the children as they are wanted until cancelled or over, then stop them in order.

        Raises:
            RestartLimitError: A child's failure ends it all; the others have been stopped by then.
        """
        if self._children is not None:
            raise RuntimeError("the supervisor runs already")
        over, self.stuck = trio.Event(), False
        self.roster.reopen()
        async with trio.open_nursery() as nursery:
            # Shielded: cancelled between its start and `over`, the shelter
            # would stand for ever, as nobody would be left to end it.
            with trio.CancelScope(shield=True):
                self._children = await nursery.start(self._shelter, over)
            try:
                task_status.started()
                await self._look_until(lambda: self.roster.over)
            finally:
                with trio.CancelScope(shield=True):
                    await self._stop_all()
                over.set()
        # Those that were waited for although they did not stop have gone as well.
        self.show_all()
        self._raise_if_given_up()

    def stand_by(self, branch: Member, *, wanted: bool) -> None:
        """Let the children say what becomes of their supervisor while it does not run: nobody else does."""
        self.roster.returning = wanted
        if self._children is not None:
            return
        outer = branch.cell
        for member in self.members.values():
            if member.record.wanted in {Wanted.RUNNING, Wanted.IF_USED}:
                member.cell.restarting = wanted
                member.cell.move(outer.state, f"{outer.name} is {outer.state}", retry_at=outer.retry_at)
                if not wanted:
                    member.cell.flush(member.cell.refuse)
                if member.spec.inner is not None:
                    member.spec.inner.keeper.stand_by(member, wanted=wanted)

    def actors(self) -> Iterator[Member]:
        """Iterate over all of the tree that can be halted: supervisors have nothing to be made safe."""
        return (member for member in self._walk() if member.spec.inner is None)

    def show_all(self) -> None:
        """Let every cell of the tree say what its record says."""
        for member in self.members.values():
            show(member, self.roster)
            if member.spec.inner is not None:
                member.spec.inner.keeper.show_all()

    def look(self) -> None:
        """Do what the records say; never waits."""
        now = trio.current_time()
        self._start_and_stop(now)
        self.kick()

    def use(self, record: Child) -> None:
        """Note that something is asked of a child: one that waits for that is started."""
        if record.wanted is Wanted.IF_USED:
            self.roster.use(record)
            # At once: whatever else happens now, it was starting before that.
            show(self.members[record.name], self.roster)
            self.kick()

    def hurry(self, record: Child) -> None:
        """Start a child now that waits because its device was not there: it seems to be there now."""
        if record.absent:
            record.hurry()
            self.kick()

    def want_now(self, record: Child) -> bool:
        """Let a child wait no longer for its use or its next try, and return whether it did."""
        waits = record.wanted is Wanted.IF_USED or (record.phase is Phase.DOWN and record.due > -math.inf)
        self.use(record)
        record.hurry()
        return waits

    def kick(self) -> None:
        """Have the records looked at soon."""
        self._changed.set()

    @property
    def next_look(self) -> trio.Event:
        """Set when the records have been looked at once more."""
        return self._looked

    async def wait_look(self) -> None:
        """Wait until the records have been looked at once more."""
        await self._looked.wait()

    @trio.lowlevel.enable_ki_protection
    async def _shelter(self, over: trio.Event, task_status: trio.TaskStatus[trio.Nursery]) -> None:
        """Hold the children's nursery, beyond the reach of any cancel from outside."""
        with trio.CancelScope(shield=True):
            # Around the children, because a request of one that is wedged still ends on time.
            async with trio.open_nursery() as deadlines:
                deadlines.start_soon(self.deadlines.run)
                async with trio.open_nursery() as children:
                    task_status.started(children)
                    await over.wait()
                deadlines.cancel_scope.cancel("the supervisor has stopped its children")

    async def _look_until(self, done: Callable[[], bool]) -> None:
        while True:
            self._changed = trio.Event()
            # One moment for both: what becomes due between two would be seen by neither.
            now = trio.current_time()
            self._start_and_stop(now)
            if done():
                return
            limits = (each.scope.deadline for each in self._starting() if each.scope.deadline > now)
            with trio.CancelScope(deadline=min((self.roster.next_look(now), *limits))):
                await self._changed.wait()

    async def _stop_all(self) -> None:
        latch: Latch | None = None
        before = {each.spec.name: each.cell.latch for each in self.actors()}
        if self.roster.gave_up is not None and not never_began(self.roster):
            latch = Latch(f"{self.roster.gave_up.name} could not be kept running")
            cells = [each.cell for each in self.actors()]
            await halt_all([each for each in cells if each.latch is None or each.latch.leave], latch)
        self.roster.close()
        await self._look_until(self._is_all_gone)
        for member in self.actors():
            # Nobody has halted it for this: it is halted so no longer than what was given up lasts.
            if member.cell.latch is latch:
                member.cell.safety.set(before.get(member.spec.name))
        self.show_all()
        self._children = None
        wedged = [member for member in self.actors() if member.task is not None]
        if wedged:
            self.stuck = True
            self._on_wedged(wedged)

    def _is_all_gone(self) -> bool:
        """Whether nobody is left, at any depth, but those that are told to stop and do not."""
        inner = [member.spec.inner for member in self.members.values() if not member.record.gone]
        return all(each is not None and each.keeper.stuck for each in inner)

    def _start_and_stop(self, now: float) -> None:
        if self._children is None:
            return
        for member in self._starting():
            # It was cancelled, as its time is over, and may not have noticed.
            if member.scope.deadline <= now:
                self.roster.ending(member.record, now)
        for record in self.roster.due_stops(now):
            member = self.members[record.name]
            member.cell.go_down(for_good=not self.roster.wants(record))
            member.scope.cancel("stopped by the supervisor")
        awaited = (name for name, each in self.members.items() if each.callers or each.cell.mailbox)
        for record in self.roster.due_starts(now, awaited):
            member = self.members[record.name]
            member.scope = trio.CancelScope()
            member.cell.life += 1
            self._children.start_soon(self._live, member, name=f"{record.name}, life {member.cell.life}")
        for member in self.members.values():
            show(member, self.roster)
            if member.estate is not None and leaves_nothing(self.roster, member.record):
                self._children.start_soon(settle_estate, member, member.estate)
                member.estate = None
        self._looked.set()
        self._looked = trio.Event()

    def _starting(self) -> Sequence[Member]:
        return [each for each in self.members.values() if each.record.phase is Phase.STARTING]

    @trio.lowlevel.enable_ki_protection
    async def _live(self, member: Member) -> None:
        record, cell = member.record, member.cell
        member.task = trio.lowlevel.current_task()

        def started() -> None:
            self.roster.started(record, trio.current_time())
            cell.come_up()
            cell.tell_watchers(Change(ChangeKind.UP, cell.life))
            self.kick()

        def ending() -> None:
            cell.go_down()
            self.roster.ending(record, trio.current_time())
            self.kick()

        def soft() -> bool:
            return restarts_softly(self.roster, record, trio.current_time())

        try:
            await live_one_life(member, started=started, ending=ending, soft=soft)
        except* KeyboardInterrupt:
            member.failure = CommandCrashed("interrupted by Ctrl-C")
            # Nothing is raised here, where it is protected: trio has it raised in its main task.
            signal.raise_signal(signal.SIGINT)
        finally:
            cell.go_down()
            member.task = None
            self._end(member, record)
            self.kick()

    def _end(self, member: Member, record: Child) -> None:
        failure = member.failure
        reason = None if failure is None else sentence(failure, member.spec.actor_type)
        if reason is not None and record.asked:
            # Nobody decides anything by it any more, but it is not to be lost.
            member.cell.publish(CleanupFailed(instrument=record.name, reason=reason))
        if record.up_since is not None:
            member.cell.tell_watchers(Change(ChangeKind.DOWN, member.cell.life, reason or record.reason))
        self.roster.ended(
            record,
            trio.current_time(),
            self._chance.random(),
            failure=reason,
            unavailable=isinstance(failure, Unavailable),
        )
        if member.passing and record.wanted is Wanted.FINISHED and record.policy.restart is Restart.TEMPORARY:
            show(member, self.roster)
            self.forget(member)

    def forget(self, member: Member) -> None:
        """Forget a child that is down, for good."""
        self.roster.children.remove(member.record)
        del self.members[member.spec.name]

    def _raise_if_given_up(self) -> None:
        # Outside the nursery, so that it arrives bare and not in a group.
        record = self.roster.gave_up
        if record is not None:
            error = RestartLimitError(f"given up: {record.reason}")
            error.instrument = record.name
            raise error from self.members[record.name].failure
