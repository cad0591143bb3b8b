"""A model of the supervisor's world: it drives a roster, and knows the rules in other words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import attrs

from labtroupe.lifecycle import MOVES, State
from labtroupe.policy import Group, Policy, Restart, RestartLimit, Roster, Strategy, Wanted

# How long after its time for clean-up a life that is still there counts as wedged.
WEDGED_AFTER = 1.0
# How long a start keeps others from starting.
OPENING = 1.0


@attrs.define(eq=False)
class Life:
    """A life as the world has it: its task has started and has not ended.

    Attributes:
        began: When it was started.
        leaves_at: Since when it is on its way out, told to or not.
    """

    began: float = -math.inf
    up_since: float | None = None
    leaves_at: float | None = None
    told: bool = False


@attrs.define(eq=False)
class Tally:
    """The failures of one child, or of a group that shares its fate.

    Attributes:
        granted: When restarts were granted.
        attempts: Restarts granted in a row without having been healthy.
        failures: The same, and those that were never counted.
    """

    granted: list[float] = attrs.field(factory=list[float])
    attempts: int = 0
    failures: int = 0


@attrs.define(eq=False)
class Known:
    """What the model knows of one child.

    Attributes:
        tally: Its failures, or those of its group.
        limit: What they are held against.
        lives: How many have begun since an operator, or the beginning, asked for one.
        replaced: The life that is to be followed by another, as an operator or a group restart wants.
        due: The earliest and the latest moment for the next start.
    """

    policy: Policy
    tally: Tally
    limit: RestartLimit
    life: Life | None = None
    lives: int = 0
    wanted: Wanted = Wanted.RUNNING
    replaced: Life | None = None
    ever_up: bool = False
    due: tuple[float, float] = (-math.inf, -math.inf)
    state: State = State.STOPPED

    def want(self, wanted: Wanted) -> None:
        """Do what an operator wants, who forgives what failed before by wanting it running."""
        self.wanted = wanted
        if wanted is Wanted.RUNNING:
            self.lives = 0
            self.tally.granted, self.tally.attempts, self.tally.failures = [], 0, 0
            self.due = (-math.inf, -math.inf)


class World:
    """Lives without tasks beside the records of them; each look is held against the rules."""

    def __init__(
        self, bench: Mapping[str, Policy], group: Group | None = None, starts_at_once: int = 20
    ) -> None:
        self.now = 0.0
        self.closed = False
        self.sound = False
        """Whether the last look passed; without that, what follows tells nothing more."""
        self.group = group or Group()
        self.starts_at_once = starts_at_once
        self.roster = Roster.of(bench, {"group": self.group}, starts_at_once=starts_at_once)
        together = Tally()
        self.known = {
            child.name: Known(child.policy, together, self.group.limit)
            if self._shares(child.policy)
            else Known(child.policy, Tally(), child.policy.limit)
            for child in self.roster
        }
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
        if record.there and record.wanted is Wanted.RUNNING:
            return
        self.roster.start(record)
        self._order(name, Wanted.RUNNING)

    def operator_stop(self, name: str) -> None:
        """Do what `Supervisor.stop` does."""
        self.roster.stop(self.roster[name])
        self._order(name, Wanted.STOPPED)

    def operator_restart(self, name: str) -> None:
        """Do what `Supervisor.restart` does."""
        known = self.known[name]
        self.roster.restart(self.roster[name])
        known.replaced = known.life
        self._order(name, Wanted.RUNNING)

    def _order(self, name: str, wanted: Wanted) -> None:
        known = self.known[name]
        if wanted is Wanted.RUNNING and known.wanted is Wanted.PARKED:
            # S6: who was parked with it is revived with it.
            for mate in [x for x in self._fate(name) if self.known[x].wanted is Wanted.PARKED]:
                self._want(mate, wanted)
        self._want(name, wanted)

    def _want(self, name: str, wanted: Wanted) -> None:
        known = self.known[name]
        known.want(wanted)
        if wanted is Wanted.RUNNING and known.life is not None and known.life.leaves_at is not None:
            known.replaced = known.life
        self._show(name)

    def close(self) -> None:
        """Do what `Supervisor.run` does on its way out."""
        self.roster.close()
        self.closed = True

    def end(self, name: str, how: str, chance: float) -> None:
        """End a life, and decide in the model what follows."""
        known, life = self.known[name], self.life(name)
        failure, unavailable = None if how == "done" else how, how == "unavailable"
        self.roster.ended(self.roster[name], self.now, chance, failure=failure, unavailable=unavailable)
        by_itself = (
            not (self.closed or life.told or life is known.replaced) and known.wanted is Wanted.RUNNING
        )
        known.life = known.replaced = None
        if life.up_since is not None and self.now - life.up_since >= known.limit.healthy_after:
            known.tally.attempts = known.tally.failures = 0
        if by_itself and self._gives_up(name, how, was_up=life.up_since is not None):
            self.sound = self.roster.gave_up is self.roster[name]
            assert self.sound
            self.close()

    def _gives_up(self, name: str, how: str, *, was_up: bool) -> bool:
        """P8: decide what follows an end, and return whether everything is given up."""
        known = self.known[name]
        policy, limit, tally = known.policy, known.limit, known.tally
        # S7: what fails together with what it depends on is one incident with it.
        footing = all(self._is_up(other) for other in policy.depends_on)
        required = any(x.policy.required and name in self._waits_for(n) for n, x in self.known.items())
        if required and not known.ever_up and footing:
            known.wanted = Wanted.PARKED
            return True
        last_life = policy.restart is Restart.TRANSIENT or not was_up
        if policy.restart is Restart.TEMPORARY or (last_life and how == "done"):
            known.wanted = Wanted.FINISHED
            return False
        if not footing:
            return False
        tally.failures += 1
        if how != "unavailable":
            tally.attempts += 1
            in_window = [moment for moment in tally.granted if moment > self.now - limit.max_seconds]
            if len(in_window) == limit.max_restarts or tally.attempts > limit.max_attempts:
                return self._parks(name)
            tally.granted.append(self.now)
        pause = min(policy.backoff.longest, policy.backoff.first * 2 ** (tally.failures - 1))
        known.due = (self.now + pause * (1 - policy.backoff.jitter), self.now + pause)
        self._take_down_with(name)
        return False

    def _parks(self, name: str) -> bool:
        """S6: park who shares the fate of a child, or return that everything is given up."""
        fate = [name, *self._fate(name)]
        self.known[name].wanted = Wanted.PARKED
        if any(self.known[each].policy.critical for each in fate):
            return True
        for each in fate:
            if self.known[each].wanted is Wanted.RUNNING:
                self.known[each].wanted = Wanted.PARKED
        return False

    def _take_down_with(self, name: str) -> None:
        """S3: a restart of one is that of all who share its fate; S4: not of a temporary one."""
        due = self.known[name].due
        for mate in map(self.known.__getitem__, self._fate(name)):
            if mate.wanted is not Wanted.RUNNING:
                continue
            if mate.policy.restart is Restart.TEMPORARY:
                mate.wanted = Wanted.FINISHED
                continue
            if mate.life is not None and mate.life.leaves_at is None:
                mate.replaced = mate.life
            elif mate.life is not None:
                mate.life.told = True
            mate.due = (max(mate.due[0], due[0]), max(mate.due[1], due[1]))

    # --- who belongs together ---

    def _shares(self, policy: Policy) -> bool:
        return bool(policy.group) and self.group.strategy is not Strategy.ONE_FOR_ONE

    def _mates(self, name: str) -> list[str]:
        """Return the group of a child in its order, itself included; nobody if it is alone."""
        if not self._shares(self.known[name].policy):
            return []
        return [x for x, known in self.known.items() if self._shares(known.policy)]

    def _fate(self, name: str) -> list[str]:
        """Return those that are restarted with a child."""
        mates = self._mates(name)
        if self.group.strategy is Strategy.REST_FOR_ONE:
            return self._later(name)
        return [mate for mate in mates if mate != name]

    def _later(self, name: str) -> list[str]:
        mates = self._mates(name)
        return mates[mates.index(name) + 1 :] if mates else []

    def _earlier(self, name: str) -> list[str]:
        mates = self._mates(name)
        return mates[: mates.index(name)] if mates else []

    def _turn(self, name: str) -> bool:
        """Whether it is a child's turn in its group: those before it are up, and no old life is left."""
        ready = all(
            self.up(x)
            or (self.gone(x) and (self.known[x].wanted is not Wanted.RUNNING or self.known[x].life))
            for x in self._earlier(name)
        )
        return ready and not any(self._falls(x) for x in self._mates(name) if x != name)

    def _falls(self, name: str) -> bool:
        """Whether a child has an old life which is not gone yet."""
        known = self.known[name]
        falling = known.life is not None and (
            known.life.leaves_at is not None or known.replaced is known.life
        )
        return falling and not self.gone(name)

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
            # With a group, one may wait for what depends on another.
            alone = self.group.strategy is Strategy.ONE_FOR_ONE
            others = self.dependents[record.name] if alone else list(self.known)
            moving = any(map(self._moves, (record.name, *others)))
            assert self.roster.settled(record) or moving or len(self.opening()) >= self.starts_at_once
            self._show(record.name)
            assert known.state is not State.BACKOFF or self.now < known.due[1]
        assert self.now < self.roster.next_look(self.now) <= self._due()
        assert all(child.gone for child in self.roster) == all(self.gone(name) for name in self.known)
        self.sound = True

    def _show(self, name: str) -> None:
        """Let everybody see the state, and hold the move against the table of moves."""
        known = self.known[name]
        before, known.state = known.state, self.roster.state(self.roster[name])
        legal = known.state is before or known.state in MOVES[before]
        self.sound &= legal
        assert legal, f"{before} -> {known.state}"

    def _stop_who_must(self) -> None:
        """S1: whoever must stop is told to, once, as soon as the rules allow."""
        must = {x for x in self.living() if self._may_go(x)}
        told = [record.name for record in self.roster.due_stops(self.now)]
        for name in told:
            known = self.known[name]
            assert name in must, "P10: dependents go first, and in a group the last"
            own = self.closed or known.replaced is not None or known.wanted is not Wanted.RUNNING
            if known.policy.restart is Restart.TEMPORARY and not own:
                # P11: a life that ends for the sake of others was its life all the same.
                known.wanted = Wanted.FINISHED
            assert self.life(name).leaves_at is None
            self.life(name).leaves_at, self.life(name).told = self.now, True
        assert sorted(told) == sorted(must)

    def _start_who_may(self) -> None:
        """S1: whoever may start is started, once, as soon as the rules allow."""
        may = {x for x in self.known if self._may_start(x)}
        must = {x for x in may if self.known[x].due[1] <= self.now}
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
            assert name in may, "S3: it is its turn in the group"
            assert known.policy.restart is not Restart.TEMPORARY or known.lives == 0, "P11: one life"
        for name in started:
            self.known[name].life = Life(self.now)
            self.known[name].lives += 1
            self.known[name].due = (-math.inf, -math.inf)
        opening = len(self.opening())
        assert opening <= self.starts_at_once or not started, "OA-17: not all at once"
        assert must <= set(started) or opening >= self.starts_at_once

    # --- what the rules speak of ---

    def starting(self) -> list[str]:
        """Return whose life has not been ready yet."""
        return [name for name in self.living() if self.life(name).up_since is None]

    def opening(self) -> list[float]:
        """Return until when each of those that start keeps others from starting."""
        lives = (self.life(name) for name in self.starting())
        return [
            each.began + OPENING
            for each in lives
            if each.leaves_at is None and each.began + OPENING > self.now
        ]

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

    def _waits_for(self, name: str) -> set[str]:
        """Return a child and all without whom it cannot start: dependencies, and earlier mates."""
        direct = {*self.known[name].policy.depends_on, *self._earlier(name)}
        return {name, *(other for each in direct for other in self._waits_for(each))}

    def can_run(self, name: str) -> bool:
        """Whether a child is wanted, and nothing that it waits for will keep it from coming up."""
        return (
            self.known[name].wanted is Wanted.RUNNING
            and all(map(self.can_run, self.known[name].policy.depends_on))
            and all(
                self.can_run(x) or self.known[x].wanted is not Wanted.RUNNING for x in self._earlier(name)
            )
        )

    def _is_up(self, name: str) -> bool:
        """Whether a child has come up, and is not on its way out, whatever is wanted of it."""
        life = self.known[name].life
        return life is not None and life.up_since is not None and life.leaves_at is None

    def _wants_down(self, name: str) -> bool:
        """Whether a living child, told or not, must go: for its own sake or for that of others."""
        known = self.known[name]
        for_itself = self.closed or known.wanted is not Wanted.RUNNING or known.replaced is not None
        return for_itself or not all(self.up(other) for other in known.policy.depends_on)

    def _leaves(self, name: str) -> bool:
        """Whether a living child must go and is not on its way."""
        return self.life(name).leaves_at is None and self._wants_down(name)

    def _may_go(self, name: str) -> bool:
        """Whether a living child must go, and is the next to go."""
        later = (x for x in self._later(name) if self.known[x].life is not None)
        return (
            self._leaves(name)
            and all(map(self.gone, self.dependents[name]))
            and all(self.gone(x) or not (self._falls(x) or self._leaves(x)) for x in later)
        )

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
            and not self.closed
            and known.wanted is Wanted.RUNNING
            and all(self.up(other) for other in known.policy.depends_on)
            and all(self.gone(other) for other in self.dependents[name])
            and self._turn(name)
        )

    def _moves(self, name: str) -> bool:
        """Whether a child is on its way up or down."""
        life = self.known[name].life
        return (
            life is not None and not self.gone(name) and (life.leaves_at is not None or life.up_since is None)
        )

    def _due(self) -> float:
        """Return when the first backoff must be over, or the first start keeps nobody waiting any more."""
        backoffs = (x.due[1] for x in self.known.values() if x.state is State.BACKOFF)
        return min((*backoffs, *self.opening()), default=math.inf)

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
        for _ in range(8 * len(self.known)):
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
