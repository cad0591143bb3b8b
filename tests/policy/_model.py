"""A model of the supervisor's world: it drives a roster, and knows the rules in other words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import attrs

from labtroupe.lifecycle import MOVES, State
from labtroupe.policy import Phase, Policy, Restart, Roster, Wanted, state_of

# How long after its time for clean-up a life that is still there counts as wedged.
WEDGED_AFTER = 1.0


@attrs.define(eq=False)
class Life:
    """A life as the world has it: its task has started and has not ended.

    Attributes:
        leaves_at: Since when it is on its way out, told to or not.
    """

    up_since: float | None = None
    leaves_at: float | None = None
    told: bool = False


@attrs.define(eq=False)
class Known:
    """What the model knows of one child.

    Attributes:
        lives: How many have begun since an operator, or the beginning, asked for one.
        replaced: The life that an operator wants to be followed by another.
        granted: When restarts were granted.
        attempts: Restarts granted in a row without having been healthy.
        failures: The same, and those that were never counted.
        due: The earliest and the latest moment for the next start.
    """

    policy: Policy
    life: Life | None = None
    lives: int = 0
    wanted: Wanted = Wanted.RUNNING
    replaced: Life | None = None
    ever_up: bool = False
    granted: list[float] = attrs.field(factory=list[float])
    attempts: int = 0
    failures: int = 0
    due: tuple[float, float] = (-math.inf, -math.inf)
    state: State = State.STOPPED

    def want(self, wanted: Wanted) -> None:
        """Do what an operator wants, who forgives what failed before by wanting it running."""
        self.wanted = wanted
        if wanted is Wanted.RUNNING:
            self.lives, self.granted, self.attempts, self.failures = 0, [], 0, 0
            self.due = (-math.inf, -math.inf)


class World:
    """Lives without tasks beside the records of them; each look is held against the rules."""

    def __init__(self, bench: Mapping[str, Policy]) -> None:
        self.now = 0.0
        self.closed = False
        self.sound = False
        """Whether the last look passed; without that, what follows tells nothing more."""
        self.roster = Roster.of(bench)
        self.known = {child.name: Known(child.policy) for child in self.roster}
        self.needs = {name: self._all_needs(name) for name in self.known}
        self.dependents = {name: [x for x in self.known if name in self.needs[x]] for name in self.known}

    # --- what happens, in the records and in the model ---

    def come_up(self, name: str) -> None:
        """Let a life say that it is ready; one that has been told to stop may still say so."""
        life = self.life(name)
        self.roster.started(self.roster[name], self.now)
        if life.leaves_at is None:
            life.up_since, self.known[name].ever_up = self.now, True

    def begin_to_end(self, name: str) -> None:
        """Let the clean-up of a life begin."""
        life = self.life(name)
        self.roster.ending(self.roster[name], self.now)
        if life.leaves_at is None:
            life.leaves_at = self.now

    def operator_start(self, name: str) -> None:
        """Do what `Supervisor.start` does."""
        record = self.roster[name]
        if record.phase not in {Phase.STARTING, Phase.UP} or record.wanted is not Wanted.RUNNING:
            self._order(name, Wanted.RUNNING)

    def operator_stop(self, name: str) -> None:
        """Do what `Supervisor.stop` does."""
        self._order(name, Wanted.STOPPED)

    def operator_restart(self, name: str) -> None:
        """Do what `Supervisor.restart` does."""
        record, known = self.roster[name], self.known[name]
        record.cycle = record.phase in {Phase.STARTING, Phase.UP}
        known.replaced = known.life
        self._order(name, Wanted.RUNNING)

    def _order(self, name: str, wanted: Wanted) -> None:
        known = self.known[name]
        self.roster[name].want(wanted)
        known.want(Wanted.STOPPED if self.closed else wanted)
        if wanted is Wanted.RUNNING and known.life is not None and known.life.leaves_at is not None:
            known.replaced = known.life
        self._show(name)

    def close(self) -> None:
        """Do what `Supervisor.run` does on its way out."""
        self.roster.close()
        self.closed = True
        for known in self.known.values():
            if known.wanted is Wanted.RUNNING:
                known.wanted = Wanted.STOPPED

    def end(self, name: str, how: str, chance: float) -> None:
        """End a life, and decide in the model what follows."""
        known, life = self.known[name], self.life(name)
        failure, unavailable = None if how == "done" else how, how == "unavailable"
        self.roster.ended(self.roster[name], self.now, chance, failure=failure, unavailable=unavailable)
        by_itself = not life.told and life is not known.replaced and known.wanted is Wanted.RUNNING
        known.life = known.replaced = None
        if life.up_since is not None and self.now - life.up_since >= known.policy.limit.healthy_after:
            known.attempts = known.failures = 0
        if by_itself and self._gives_up(known, how):
            self.sound = self.roster.gave_up is self.roster[name]
            assert self.sound
            self.close()

    def _gives_up(self, known: Known, how: str) -> bool:
        """P8: decide what follows an end, and return whether everything is given up."""
        policy, limit = known.policy, known.policy.limit
        if policy.required and not known.ever_up:
            known.wanted = Wanted.PARKED
            return True
        if policy.restart is Restart.TEMPORARY or (policy.restart is Restart.TRANSIENT and how == "done"):
            known.wanted = Wanted.FINISHED
            return False
        known.failures += 1
        if how != "unavailable":
            known.attempts += 1
            in_window = [moment for moment in known.granted if moment > self.now - limit.max_seconds]
            if len(in_window) == limit.max_restarts or known.attempts > limit.max_attempts:
                known.wanted = Wanted.PARKED
                return policy.critical
            known.granted.append(self.now)
        pause = min(policy.backoff.longest, policy.backoff.first * 2 ** (known.failures - 1))
        known.due = (self.now + pause * (1 - policy.backoff.jitter), self.now + pause)
        return False

    # --- the look ---

    def look(self) -> None:
        """Do what the records say, and hold it against the rules."""
        self.sound = False
        self._stop_who_must()
        self._start_who_may()
        for record in self.roster:
            known = self.known[record.name]
            assert record.wanted is known.wanted
            assert not (self.roster.settled(record) and self._moves(record.name))
            assert self.roster.settled(record) or any(
                map(self._moves, (record.name, *self.dependents[record.name]))
            )
            self._show(record.name)
            assert known.state is not State.BACKOFF or self.now < known.due[1]
        assert self.now < self.roster.next_look(self.now) <= self._due()
        assert self.roster.all_gone == all(self.gone(name) for name in self.known)
        self.sound = True

    def _show(self, name: str) -> None:
        """Let everybody see the state, and hold the move against the table of moves."""
        known = self.known[name]
        before, known.state = known.state, state_of(self.roster[name])
        legal = known.state is before or known.state in MOVES[before]
        self.sound &= legal
        assert legal, f"{before} -> {known.state}"

    def _stop_who_must(self) -> None:
        """S1: whoever must stop is told to, once, as soon as the rules allow."""
        must = {x for x in self.living() if self._leaves(x) and all(map(self.gone, self.dependents[x]))}
        told = [record.name for record in self.roster.due_stops(self.now)]
        for name in told:
            known = self.known[name]
            assert all(self.gone(other) for other in self.dependents[name]), "P10: dependents go first"
            if known.policy.restart is Restart.TEMPORARY and known.replaced is None:
                # P11: a life that ends for the sake of others was its life all the same.
                known.wanted = Wanted.FINISHED if known.wanted is Wanted.RUNNING else known.wanted
            assert self.life(name).leaves_at is None
            self.life(name).leaves_at, self.life(name).told = self.now, True
        assert sorted(told) == sorted(must)

    def _start_who_may(self) -> None:
        """S1: whoever may start is started, once, as soon as the rules allow."""
        must = {x for x in self.known if self._may_start(x) and self.known[x].due[1] <= self.now}
        started = [record.name for record in self.roster.due_starts(self.now)]
        for name in started:
            known = self.known[name]
            assert known.life is None, "one life at a time"
            assert known.wanted is Wanted.RUNNING, "S13: terminate wins over any restart loop"
            assert known.due[0] <= self.now, "S7: the backoff is waited for"
            assert all(self.up(other) for other in known.policy.depends_on), "P9: dependencies are up"
            assert all(self.gone(other) for other in self.dependents[name]), (
                "S3: nobody of the old life is up"
            )
            assert known.policy.restart is not Restart.TEMPORARY or known.lives == 0, "P11: one life"
        for name in started:
            self.known[name].life = Life()
            self.known[name].lives += 1
            self.known[name].due = (-math.inf, -math.inf)
        assert must <= set(started)

    # --- what the rules speak of ---

    def starting(self) -> list[str]:
        """Return whose life has not been ready yet."""
        return [name for name in self.living() if self.life(name).up_since is None]

    def living(self) -> list[str]:
        """Return whose task has not ended."""
        return [name for name, known in self.known.items() if known.life is not None]

    def life(self, name: str) -> Life:
        """Return the life of one that has one."""
        life = self.known[name].life
        assert life is not None
        return life

    def up(self, name: str) -> bool:
        """Whether a child is up and nothing says that it must go."""
        life = self.known[name].life
        return (
            life is not None
            and life.up_since is not None
            and life.leaves_at is None
            and not self._wants_down(name)
        )

    def _wants_down(self, name: str) -> bool:
        """Whether a living child, told or not, must go: for its own sake or for that of others."""
        known = self.known[name]
        for_itself = known.wanted is not Wanted.RUNNING or known.replaced is not None
        return for_itself or not all(self.up(other) for other in known.policy.depends_on)

    def _leaves(self, name: str) -> bool:
        """Whether a living child must go and is not on its way."""
        return self.life(name).leaves_at is None and self._wants_down(name)

    def gone(self, name: str) -> bool:
        """Whether a child has no life, or one that is wedged."""
        known = self.known[name]
        if known.life is None:
            return True
        since = known.life.leaves_at
        return since is not None and self.now >= since + known.policy.shutdown + WEDGED_AFTER

    def _may_start(self, name: str) -> bool:
        """Whether the rules allow a start, but for the backoff."""
        known = self.known[name]
        return (
            known.life is None
            and known.wanted is Wanted.RUNNING
            and all(self.up(other) for other in known.policy.depends_on)
            and all(self.gone(other) for other in self.dependents[name])
        )

    def _moves(self, name: str) -> bool:
        """Whether a child is on its way up or down."""
        life = self.known[name].life
        return (
            life is not None and not self.gone(name) and (life.leaves_at is not None or life.up_since is None)
        )

    def _due(self) -> float:
        """Return when the first backoff must be over."""
        return min((x.due[1] for x in self.known.values() if x.state is State.BACKOFF), default=math.inf)

    def _all_needs(self, name: str) -> set[str]:
        """Return what a child depends on, directly or through others."""
        direct = self.roster[name].policy.depends_on
        return {*direct, *(other for each in direct for other in self._all_needs(each))}

    # --- how it ends ---

    def at_rest(self) -> bool:
        """Whether everybody is as wanted, as far as their dependencies allow."""
        return not any(
            self._may_start(name) if known.life is None else not self.up(name)
            for name, known in self.known.items()
        )

    def go_on_until(self, enough: Callable[[], bool]) -> None:
        """Let every life do as it is told, and every pause pass."""
        for _ in range(5 * len(self.known)):
            if enough():
                return
            moving = [name for name in self.living() if not self.up(name)]
            for name in moving:
                if self.life(name).leaves_at is not None:
                    self.end(name, "done", 0.5)
                elif self.life(name).up_since is None:
                    self.come_up(name)
            if not moving:
                self.now = self.roster.next_look(self.now)
            self.look()
        raise AssertionError("it does not come to rest")
