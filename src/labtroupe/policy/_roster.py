"""The roster: what is wanted of each child, what it is, and what follows from that.

Everything a supervisor does is derived from these records by `Roster.due_stops`
and `Roster.due_starts`, over and over.  A crash, an operator, a failing start
and the shutdown only change the records.  So there is no recovery in progress
that could be overtaken by another one: whatever happens in between, the next
look at the records finds what to do now.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import attrs

from labtroupe.policy._child import Child, Phase, Policy, Restart, Wanted
from labtroupe.policy._order import dependencies_first

_GONE = frozenset({Phase.DOWN, Phase.WEDGED})


# Seconds after the time for clean-up is over until a child that is still there is wedged.
_WEDGED_AFTER = 1.0


@attrs.define(eq=False)
class Roster:
    """The records of all children of one supervisor, dependencies before dependents.

    Attributes:
        gave_up: The child whose failure ends the supervisor.
        closed: Everything is to stop, whatever anybody wants from now on.
    """

    _children: Mapping[str, Child]
    _dependents: Mapping[str, Sequence[Child]]
    gave_up: Child | None = attrs.field(default=None, init=False)
    closed: bool = attrs.field(default=False, init=False)

    @classmethod
    def of(cls, policies: Mapping[str, Policy]) -> Roster:
        """Make the roster of children that have not been started.

        Raises:
            ValueError: A dependency is unknown, or children depend on one another in a circle.
        """
        order = dependencies_first({name: policy.depends_on for name, policy in policies.items()})
        children = {name: Child(name, policies[name]) for name in order}
        return cls(children, _dependents(children))

    def __iter__(self) -> Iterator[Child]:
        """Iterate over the children, dependencies before dependents."""
        return iter(self._children.values())

    def __getitem__(self, name: str) -> Child:
        """Return the record of one child."""
        return self._children[name]

    def started(self, child: Child, now: float) -> None:
        """Note that a starting child is up, unless it has been told to stop meanwhile."""
        if child.phase is Phase.STARTING:
            child.phase, child.up_since, child.ever_up, child.reason = Phase.UP, now, True, ""

    def ending(self, child: Child, now: float) -> None:
        """Note that a life is over and being cleaned up; it may have been told to, or not."""
        if child.phase in {Phase.STARTING, Phase.UP}:
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
        policy, reason = child.policy, failure or "ended"
        asked_to = self.closed or child.cycle or child.asked
        if child.up_since is not None:
            child.history.lived(policy.limit, now - child.up_since)
        child.phase, child.up_since, child.stop_by = Phase.DOWN, None, math.inf
        child.asked = child.cycle = False
        if asked_to or child.wanted is not Wanted.RUNNING:
            return
        if policy.required and not child.ever_up:
            self._give_up(child, reason)
        elif policy.restart is Restart.TEMPORARY or (policy.restart is Restart.TRANSIENT and failure is None):
            child.want(Wanted.FINISHED, reason)
        elif not child.history.admit(policy.limit, now, unavailable=unavailable):
            if policy.critical:
                self._give_up(child, reason)
            else:
                child.want(Wanted.PARKED, f"gave up, as restarting did not help: {reason}")
        else:
            child.due = now + policy.backoff.delay(child.history.streak, chance)
            child.reason = reason

    def due_stops(self, now: float) -> Sequence[Child]:
        """Return the children to stop now, and mark them as stopping; note who is wedged."""
        if self.closed:
            # Again, for those that an operator has wanted running since.
            self.close()
        stopping: list[Child] = []
        for child in reversed(list(self)):
            if child.phase is Phase.STOPPING and now >= child.stop_by:
                child.phase = Phase.WEDGED
            elif (
                child.phase in {Phase.STARTING, Phase.UP}
                and self._must_stop(child)
                and self._dependents_gone(child)
            ):
                self._stop(child, now)
                stopping.append(child)
        return stopping

    def due_starts(self, now: float) -> Sequence[Child]:
        """Return the children to start now, and mark them as starting; note whose backoff is over."""
        starting: list[Child] = []
        for child in self:
            if child.phase is Phase.DOWN and child.wanted is Wanted.RUNNING and now >= child.due:
                child.due = -math.inf
                if self._dependents_gone(child) and not self.waits_for(child):
                    child.phase = Phase.STARTING
                    starting.append(child)
        return starting

    def next_look(self, now: float) -> float:
        """Return when something becomes due by itself; ``inf`` for never."""
        starts = (c.due for c in self if c.phase is Phase.DOWN and c.wanted is Wanted.RUNNING and c.due > now)
        stops = (c.stop_by for c in self if c.phase is Phase.STOPPING)
        return min((*starts, *stops), default=math.inf)

    def waits_for(self, child: Child) -> tuple[str, ...]:
        """Return the dependencies that keep a child from starting."""
        return tuple(
            name
            for name in child.policy.depends_on
            if self[name].phase is not Phase.UP or self._must_stop(self[name])
        )

    def settled(self, child: Child) -> bool:
        """Whether nothing is about to happen to a child, unless it fails or its backoff ends."""
        match child.phase:
            case Phase.UP:
                return not self._must_stop(child)
            case Phase.DOWN:
                waiting = child.due > -math.inf or bool(self.waits_for(child))
                return child.wanted is not Wanted.RUNNING or waiting
            case Phase.WEDGED:
                return True
            case Phase.STARTING | Phase.STOPPING:
                return False

    def close(self) -> None:
        """Want everything stopped, for good; what was parked or has finished stays so."""
        self.closed = True
        for child in self:
            if child.wanted is Wanted.RUNNING:
                child.want(Wanted.STOPPED, "the bench stops")

    @property
    def all_gone(self) -> bool:
        """Whether no child is up, or on the way up or down, save those that are wedged."""
        return all(child.phase in _GONE for child in self)

    def _give_up(self, child: Child, reason: str) -> None:
        self.gave_up = child
        child.want(Wanted.PARKED, reason)
        self.close()

    def _let_go(self, child: Child, now: float) -> None:
        child.phase, child.stop_by = Phase.STOPPING, now + child.policy.shutdown + _WEDGED_AFTER

    def _stop(self, child: Child, now: float) -> None:
        self._let_go(child, now)
        child.asked = True
        if child.policy.restart is Restart.TEMPORARY and child.wanted is Wanted.RUNNING and not child.cycle:
            child.want(Wanted.FINISHED, f"{', '.join(self.waits_for(child))} went down")

    def _must_stop(self, child: Child) -> bool:
        return child.wanted is not Wanted.RUNNING or child.cycle or bool(self.waits_for(child))

    def _dependents_gone(self, child: Child) -> bool:
        return all(other.phase in _GONE for other in self._dependents[child.name])


def _dependents(children: Mapping[str, Child]) -> Mapping[str, Sequence[Child]]:
    """Return for each name who depends on it, directly or through others."""
    found: dict[str, list[Child]] = {name: [] for name in children}
    for child in children.values():
        above = list(child.policy.depends_on)
        while above:
            name = above.pop()
            if child not in found[name]:
                found[name].append(child)
                above.extend(children[name].policy.depends_on)
    return found
