"""The roster: what is wanted of each child, what it is, and what follows from that.

Everything a supervisor does is derived from these records by `Roster.due_stops`
and `Roster.due_starts`, over and over.  A crash, an operator, a failing start
and the shutdown only change the records.  So there is no recovery in progress
that could be overtaken by another one: whatever happens in between, the next
look at the records finds what to do now.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from labtroupe.lifecycle import State
from labtroupe.policy._child import Child, Phase, Policy, Restart, Wanted, state_of
from labtroupe.policy._children import Children, must_stop
from labtroupe.policy._group import AutoShutdown, Group
from labtroupe.policy._turns import STARTS_AT_ONCE, take_turns

_LIVING: Final = (Wanted.RUNNING, Wanted.IF_USED)
# Seconds after the time for clean-up is over until a child that is still there is wedged.
_WEDGED_AFTER: Final = 1.0


@attrs.define(eq=False)
class Roster:
    """The records of all children of one supervisor, dependencies before dependents.

    Attributes:
        children: The records.
        gave_up: The child whose failure ends the supervisor.
        finished: Its significant children have ended, and it ends with them.
        closed: Everything is to stop, whatever anybody wants from now on.
        returning: Closed, it will be opened again.
    """

    children: Children
    _auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    _starts_at_once: int = STARTS_AT_ONCE
    gave_up: Child | None = attrs.field(default=None, init=False)
    finished: bool = attrs.field(default=False, init=False)
    closed: bool = attrs.field(default=False, init=False)
    returning: bool = attrs.field(default=False, init=False)
    # At the last look: who has to wait for whom before it may start.
    _waits: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict[str, tuple[str, ...]], init=False)

    @classmethod
    def of(
        cls,
        policies: Mapping[str, Policy],
        groups: Mapping[str, Group] | None = None,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
        starts_at_once: int = STARTS_AT_ONCE,
    ) -> Roster:
        """Make the roster of children that have not been started.

        Args:
            policies: How each is to be treated, by name.
            groups: The groups whose members share their fate; ``""`` is that of
                children which name none.
            auto_shutdown: Whether the supervisor ends with its significant children.
            starts_at_once: How many may be starting at the same time.

        Raises:
            ValueError: A dependency or a group is unknown, or children depend on one another in a circle.
        """
        return cls(Children.of(policies, groups or {}), auto_shutdown, starts_at_once)

    def __iter__(self) -> Iterator[Child]:
        """Iterate over the children, dependencies before dependents."""
        return iter(self.children)

    def __getitem__(self, name: str) -> Child:
        """Return the record of one child."""
        return self.children[name]

    # --- what an operator wants ---

    def start(self, child: Child) -> None:
        """Want a child running, with its parked mates; changes nothing where it is already."""
        if not (child.there and child.wanted is Wanted.RUNNING):
            self._revive(child)

    def stop(self, child: Child) -> None:
        """Want a child stopped until somebody starts it."""
        child.want(Wanted.STOPPED, "stopped by an operator")

    def restart(self, child: Child) -> None:
        """Want a new life of a child: this one is stopped first, if there is one."""
        child.renew()
        self._revive(child)

    def use(self, child: Child) -> None:
        """Note that something is asked of a child: one that waits for that is to start."""
        if child.wanted is Wanted.IF_USED:
            child.want(Wanted.RUNNING)

    def close(self) -> None:
        """Let everything stop, for good."""
        self.closed = True

    def reopen(self) -> None:
        """Begin anew, with what was wanted before; what has failed before is not forgiven."""
        self.closed = self.finished = False
        self.gave_up = None
        for child in self:
            child.due, child.ever_up = -math.inf, False
            if child.wanted in {Wanted.PARKED, Wanted.FINISHED}:
                child.wanted, child.reason = Wanted.RUNNING, ""

    # --- what happens to its lives ---

    def started(self, child: Child, now: float) -> None:
        """Note that a starting child is up, unless it has been told to stop meanwhile."""
        if child.phase is Phase.STARTING:
            child.phase, child.up_since, child.ever_up, child.reason = Phase.UP, now, True, ""

    def ending(self, child: Child, now: float) -> None:
        """Note that a life is over and being cleaned up; it may have been told to, or not."""
        if child.there:
            self._let_go(child, now)

    def ended(
        self, child: Child, now: float, chance: float, *, failure: str | None, unavailable: bool = False
    ) -> None:
        """Note that a life has ended, and decide what is wanted of the child now.

        Args:
            child: Whose life it was.
            now: The moment of its end.
            chance: A random number from 0 up to 1, for the jitter of the backoff.
            failure: What it failed with, in words; ``None`` if it just ended.
            unavailable: The failure says that the device could not be reached.
        """
        policy, reason, was_up = child.policy, failure or "ended", child.up_since is not None
        asked_to = self.closed or child.cycle or child.asked
        # To fail together with what it depends on is part of the same incident.
        consequence = any(self[name].phase is not Phase.UP for name in policy.depends_on)
        if child.up_since is not None:
            child.history.lived(self.children.mates.limit(child), now - child.up_since)
        child.phase, child.up_since, child.stop_by = Phase.DOWN, None, math.inf
        child.asked = child.cycle = False
        child.absent = unavailable
        if asked_to or child.wanted is not Wanted.RUNNING or self.over:
            return
        if child.name in self.children.required and not child.ever_up and not consequence:
            self._give_up(child, reason)
        elif policy.restart is Restart.TEMPORARY or (
            failure is None and (policy.restart is Restart.TRANSIENT or not was_up)
        ):
            child.want(Wanted.FINISHED, reason)
            self._end_with(child)
        elif consequence:
            child.reason = reason
        elif not child.history.admit(self.children.mates.limit(child), now, unavailable=unavailable):
            self._park(child, reason)
        else:
            child.due = now + policy.backoff.delay(child.history.streak, chance)
            child.reason = reason
            self.children.mates.restart_with(child)

    # --- what follows ---

    def due_stops(self, now: float) -> Sequence[Child]:
        """Return the children to stop now, and mark them as stopping; note who is wedged."""
        standing, stopping = self._standing(), list[Child]()
        for child in self:
            if child.phase is Phase.STOPPING and now >= child.stop_by:
                child.phase = Phase.WEDGED
        falling = [child for child in self if child.there and must_stop(child, standing, closed=self.closed)]
        needed = self.children.needed()
        for child in reversed(falling):
            if child.name not in needed and self.children.mates.may_go(child, falling):
                self._stop(child, now, standing)
                stopping.append(child)
        return stopping

    def due_starts(self, now: float, awaited: Iterable[str] = ()) -> Sequence[Child]:
        """Return the children to start now, and mark them as starting; note whose backoff is over.

        Args:
            now: The moment of this look.
            awaited: Names of those that come first, as somebody waits for them.
        """
        self._waits = {}
        if self.closed or self.over:
            return ()
        self._use_what_is_depended_on()
        self._waits = self.children.waiting(self._standing())
        needed = self.children.needed()
        due = [c for c in self if c.phase is Phase.DOWN and c.wanted is Wanted.RUNNING and now >= c.due]
        for child in due:
            child.due = -math.inf
        ready = [child for child in due if child.name not in needed and child.name not in self._waits]
        if not ready:
            return ()
        opening, first = list(self.children.opening(now)), self.children.awaited(awaited)
        starting = list(take_turns(ready, opening, first, self._starts_at_once))
        for child in starting:
            child.phase, child.starting_since = Phase.STARTING, now
        return starting

    def next_look(self, now: float) -> float:
        """Return when something becomes due by itself; ``inf`` for never."""
        down = (child for child in self if child.phase is Phase.DOWN and child.wanted is Wanted.RUNNING)
        stops = (c.stop_by for c in self if c.phase is Phase.STOPPING)
        opened = (c.keeps_waiting_until for c in self.children.opening(now))
        return min((*(child.due for child in down if child.due > now), *stops, *opened), default=math.inf)

    def waits_for(self, child: Child) -> tuple[str, ...]:
        """Return the names of those that kept a child from starting at the last look."""
        return self._waits.get(child.name, ())

    def wants(self, child: Child) -> bool:
        """Whether a life of a child is wanted, or will be once something is asked of it."""
        return child.wanted in _LIVING and (self.returning or not self.closed)

    def idle(self, child: Child) -> bool:
        """Whether a child has no life, and none is wanted."""
        return child.phase is Phase.DOWN and not self.wants(child)

    def settled(self, child: Child) -> bool:
        """Whether nothing is about to happen to a child, unless it fails or its backoff ends."""
        match child.phase:
            case Phase.UP:
                return child.name in self._standing()
            case Phase.DOWN:
                waiting = child.due > -math.inf or bool(self.waits_for(child))
                return self.closed or child.wanted is not Wanted.RUNNING or waiting
            case Phase.WEDGED:
                return True
            case Phase.STARTING | Phase.STOPPING:
                return False

    def state(self, child: Child) -> State:
        """Return a child's state in the words that users see, halts apart."""
        if self.closed and not self.returning and child.phase in {Phase.STOPPING, Phase.WEDGED}:
            return State.STOPPING
        if self.closed and child.phase is Phase.DOWN and child.wanted is Wanted.RUNNING:
            return State.STARTING if self.returning else State.STOPPED
        return state_of(child)

    @property
    def over(self) -> bool:
        """Whether nothing is to be started any more, and everything is to be closed."""
        return self.gave_up is not None or self.finished

    def _revive(self, child: Child) -> None:
        for mate in self.children.mates.of(child) if child.wanted is Wanted.PARKED else ():
            if mate.wanted is Wanted.PARKED:
                mate.want(Wanted.RUNNING)
        child.want(Wanted.RUNNING)

    def _park(self, child: Child, reason: str) -> None:
        mates = self.children.mates.of(child)
        if any(mate.policy.critical for mate in mates):
            self._give_up(child, reason)
            return
        for mate in mates:
            if mate.wanted is Wanted.RUNNING:
                mate.want(Wanted.PARKED, f"gave up, as restarting {child.name} did not help")
        child.want(Wanted.PARKED, f"gave up, as restarting did not help: {reason}")

    def _give_up(self, child: Child, reason: str) -> None:
        self.gave_up = child
        child.want(Wanted.PARKED, reason)

    def _end_with(self, child: Child) -> None:
        """End the supervisor with a significant child that has finished, if that is declared."""
        significant = [each for each in self if each.policy.significant]
        over = all(self.idle(each) for each in significant)
        if child.policy.significant and (
            self._auto_shutdown is AutoShutdown.ANY or (self._auto_shutdown is AutoShutdown.ALL and over)
        ):
            self.finished = True

    def _use_what_is_depended_on(self) -> None:
        for child in reversed(self.children):
            if child.wanted is Wanted.RUNNING:
                for name in child.policy.depends_on:
                    self.use(self[name])

    def _let_go(self, child: Child, now: float) -> None:
        child.phase, child.stop_by = Phase.STOPPING, now + child.policy.shutdown + _WEDGED_AFTER

    def _stop(self, child: Child, now: float, standing: set[str]) -> None:
        self._let_go(child, now)
        child.asked = True
        told = self.closed or child.cycle or child.wanted is not Wanted.RUNNING
        if child.policy.restart is Restart.TEMPORARY and not told:
            missing = ", ".join(name for name in child.policy.depends_on if name not in standing)
            child.want(Wanted.FINISHED, f"{missing} went down")

    def _standing(self) -> set[str]:
        return self.children.standing(closed=self.closed)
