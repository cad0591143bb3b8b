"""The roster in single scenes; test_roster_histories.py has the whole of it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest

from labtroupe.lifecycle import State
from labtroupe.policy import (
    Backoff,
    Child,
    Phase,
    Policy,
    Restart,
    RestartLimit,
    Roster,
    Wanted,
    state_of,
)

BUS = Policy(backoff=Backoff(first=1.0, jitter=0.0))
ON_BUS = Policy(depends_on=("bus",), backoff=Backoff(first=1.0, jitter=0.0))


def names(children: Iterable[Child]) -> list[str]:
    """Return the names of children, in their order."""
    return [child.name for child in children]


def look(roster: Roster, now: float = 0.0) -> tuple[list[str], list[str]]:
    """Look once as the supervisor does, and return who is stopped and who is started."""
    return names(roster.due_stops(now)), names(roster.due_starts(now))


def all_up(now: float = 0.0, **policies: Policy) -> Roster:
    """Return a roster whose children have all come up."""
    roster = Roster.of(policies)
    while names(roster.due_starts(now)):
        for child in roster:
            roster.started(child, now)
    return roster


def end(roster: Roster, name: str, now: float = 0.0, failure: str | None = "broke") -> None:
    """End the life of one child, with no chance in its backoff."""
    roster.ended(roster[name], now, 0.0, failure=failure)


# --- order ---


@pytest.mark.parametrize(
    ("depends_on", "order"),
    [
        ({}, ""),
        ({"c": "", "a": "", "b": ""}, "cab"),
        ({"a": "b", "b": "c", "c": ""}, "cba"),
        ({"a": "c", "b": "c", "c": "", "d": ""}, "cabd"),
        ({"x": "", "a": "x", "b": ""}, "xab"),
        ({"d": "bc", "c": "a", "b": "a", "a": ""}, "acbd"),
        ({"a": "bb", "b": ""}, "ba"),
    ],
)
def test_dependencies_come_first_and_otherwise_the_order_stays(
    depends_on: dict[str, str], order: str
) -> None:
    roster = Roster.of({name: Policy(depends_on=tuple(needed)) for name, needed in depends_on.items()})

    assert "".join(names(roster)) == order


@pytest.mark.parametrize(
    ("depends_on", "sentence"),
    [
        ({"a": "a"}, "these depend on one another in a circle: a -> a"),
        ({"a": "b", "b": "a"}, "these depend on one another in a circle: [ab] -> [ab] -> [ab]"),
        # Only those of the circle are named, not those that depend on it.
        ({"c": "a", "a": "b", "b": "a"}, "these depend on one another in a circle: [ab] -> [ab] -> [ab]"),
        ({"a": "x"}, "a depends on x, which does not exist"),
    ],
)
def test_a_circle_and_an_unknown_name_are_refused(depends_on: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Roster.of({name: Policy(depends_on=tuple(needed)) for name, needed in depends_on.items()})


# --- up and down ---


def test_dependents_start_when_what_they_depend_on_is_up() -> None:
    """S11, P9: level by level, side by side within a level."""
    roster = Roster.of({"pump": ON_BUS, "bus": BUS, "valve": ON_BUS, "lamp": Policy()})

    assert look(roster) == ([], ["bus", "lamp"])
    assert look(roster) == ([], [])
    roster.started(roster["bus"], 0.0)
    assert look(roster) == ([], ["pump", "valve"])


def test_dependents_go_before_what_they_depend_on() -> None:
    """P10: reverse start order, side by side within a level."""
    roster = all_up(bus=BUS, pump=ON_BUS, valve=ON_BUS)
    roster.close()

    assert look(roster) == (["valve", "pump"], [])
    end(roster, "pump")
    assert look(roster) == ([], [])
    end(roster, "valve")
    assert look(roster) == (["bus"], [])
    end(roster, "bus")
    assert all(child.gone for child in roster)


def test_nobody_starts_beside_the_old_life_of_one_that_needs_it_through_others() -> None:
    """S3: the hub waits for the pump, though the bus between them is down already."""
    at_once = Policy(backoff=Backoff(first=0.0))
    roster = all_up(hub=at_once, bus=Policy(depends_on=("hub",)), pump=ON_BUS)
    end(roster, "bus")
    end(roster, "hub")

    assert look(roster) == (["pump"], [])
    end(roster, "pump")
    assert look(roster) == ([], ["hub"])


def test_a_wedged_child_holds_up_nobody_else() -> None:
    """R13: it is not restarted beside itself, and the rest goes on without it."""
    roster = all_up(bus=BUS, pump=ON_BUS)
    roster["bus"].cycle = True
    look(roster, 10.0)

    assert roster.next_look(10.0) == 13.0, "2 s to clean up, and one more"
    assert look(roster, 12.9) == ([], [])
    assert look(roster, 13.0) == (["bus"], [])
    assert roster["pump"].phase is Phase.WEDGED
    end(roster, "bus", 13.0)
    assert look(roster, 13.0) == ([], ["bus"])
    roster.started(roster["bus"], 14.0)
    assert look(roster, 14.0) == ([], [])
    end(roster, "pump", 20.0)
    assert look(roster, 20.0) == ([], ["pump"])


def test_a_life_that_is_ready_too_late_is_not_up() -> None:
    roster = Roster.of({"pump": Policy()})
    look(roster)
    roster["pump"].want(Wanted.STOPPED)
    look(roster)
    roster.started(roster["pump"], 1.0)

    assert roster["pump"].phase is Phase.STOPPING


def test_a_life_that_is_over_is_cleaned_up_before_another_begins() -> None:
    """R13: nobody has to tell it, its dependents are told, and it can wedge like any other."""
    roster = all_up(bus=Policy(backoff=Backoff(first=0.0)), pump=ON_BUS)
    roster.ending(roster["bus"], 10.0)

    assert look(roster, 10.0) == (["pump"], [])
    end(roster, "pump", 10.0)
    assert look(roster, 10.0) == ([], [])
    assert roster.next_look(10.0) == 13.0
    look(roster, 13.0)
    assert roster["bus"].phase is Phase.WEDGED
    end(roster, "bus", 14.0)
    assert roster["bus"].history.counted == 1, "its own failure all the same"
    assert look(roster, 14.0) == ([], ["bus"])


# --- failures ---


def test_a_failure_is_followed_by_a_pause_and_a_start() -> None:
    """S7."""
    roster = all_up(pump=BUS)
    end(roster, "pump", 10.0)

    assert state_of(roster["pump"]) is State.BACKOFF
    assert roster["pump"].reason == "broke"
    assert roster.next_look(10.0) == 11.0
    assert look(roster, 10.9) == ([], [])
    assert look(roster, 11.0) == ([], ["pump"])


def test_who_still_waits_when_the_pause_is_over_backs_off_no_more() -> None:
    """The reason to be shown is that it waits for the bus, not that it failed an hour ago."""
    roster = all_up(bus=BUS, pump=ON_BUS)
    end(roster, "pump", 10.0)
    roster["bus"].want(Wanted.STOPPED)
    look(roster, 10.0)
    assert state_of(roster["pump"]) is State.BACKOFF
    look(roster, 11.0)

    assert state_of(roster["pump"]) is State.STARTING
    assert roster.waits_for(roster["pump"]) == ("bus",)


@pytest.mark.parametrize(
    ("restart", "failure", "wanted"),
    [
        (Restart.PERMANENT, "broke", Wanted.RUNNING),
        (Restart.PERMANENT, None, Wanted.RUNNING),
        (Restart.TRANSIENT, "broke", Wanted.RUNNING),
        (Restart.TRANSIENT, None, Wanted.FINISHED),
        (Restart.TEMPORARY, "broke", Wanted.FINISHED),
        (Restart.TEMPORARY, None, Wanted.FINISHED),
    ],
)
def test_the_restart_type_says_which_ends_are_followed_by_a_restart(
    restart: Restart, failure: str | None, wanted: Wanted
) -> None:
    """S4: as in OTP."""
    roster = all_up(pump=Policy(restart=restart))
    end(roster, "pump", failure=failure)

    assert roster["pump"].wanted is wanted


@pytest.mark.parametrize(
    ("restart", "started"),
    [(Restart.PERMANENT, ["pump"]), (Restart.TRANSIENT, ["pump"]), (Restart.TEMPORARY, [])],
)
def test_the_restart_type_holds_for_who_is_stopped_for_the_sake_of_another(
    restart: Restart, started: list[str]
) -> None:
    """S4, P11: a temporary child has one life, whoever ends it."""
    roster = all_up(bus=Policy(backoff=Backoff(first=0.0)), pump=Policy(depends_on=("bus",), restart=restart))
    end(roster, "bus")
    assert look(roster) == (["pump"], [])
    end(roster, "pump", failure=None)
    assert look(roster) == ([], ["bus"])
    roster.started(roster["bus"], 0.0)

    assert look(roster) == ([], started)


def test_to_be_stopped_for_the_sake_of_another_is_no_failure() -> None:
    """S5: a flapping instrument never condemns its neighbours."""
    never = RestartLimit(max_restarts=0)
    roster = all_up(bus=Policy(backoff=Backoff(first=0.0)), pump=Policy(depends_on=("bus",), limit=never))
    end(roster, "bus")
    look(roster)
    end(roster, "pump", failure="cancelled in mid-exchange")

    assert roster["pump"].wanted is Wanted.RUNNING
    assert roster["pump"].history.streak == 0


def test_who_was_healthy_until_it_was_stopped_has_been_healthy() -> None:
    """S5: attempts are in a row only without a healthy life between them, however that ended."""
    roster = all_up(bus=BUS, pump=ON_BUS)
    end(roster, "pump", 0.0)
    look(roster, 1.0)
    roster.started(roster["pump"], 1.0)
    end(roster, "bus", 100.0)
    look(roster, 100.0)
    end(roster, "pump", 100.0)

    assert roster["pump"].history.counted == 0


def test_beyond_the_limit_it_is_parked_until_somebody_wants_it_running() -> None:
    """S6: and what failed before is forgiven then."""
    roster = all_up(pump=Policy(limit=RestartLimit(max_restarts=0)))
    end(roster, "pump")

    assert look(roster, math.inf) == ([], [])
    assert state_of(roster["pump"]) is State.FAILED
    roster["pump"].want(Wanted.RUNNING)
    assert look(roster) == ([], ["pump"])
    assert roster["pump"].history.counted == 0


@pytest.mark.parametrize("restart", Restart)
def test_a_required_child_whose_first_start_fails_ends_everything(restart: Restart) -> None:
    """S11: whatever its restart type, and however it failed."""
    roster = Roster.of({"bus": Policy(), "pump": Policy(required=True, restart=restart)})
    look(roster)
    roster.started(roster["bus"], 0.0)
    roster.ended(roster["pump"], 0.0, 0.0, failure="absent", unavailable=True)

    assert roster.gave_up is roster["pump"]
    assert roster["pump"].reason == "absent"
    assert roster.over
    roster.close()
    assert look(roster) == (["bus"], [])


def test_a_required_child_that_was_up_is_restarted_like_any_other() -> None:
    roster = all_up(pump=Policy(required=True))
    end(roster, "pump")

    assert roster.gave_up is None


def test_a_critical_child_that_no_restart_helps_ends_everything() -> None:
    """S6: and only the first to do so is to blame."""
    hopeless = Policy(critical=True, limit=RestartLimit(max_restarts=0))
    roster = all_up(bus=hopeless, pump=hopeless)
    end(roster, "pump")
    end(roster, "bus")

    assert roster.gave_up is roster["pump"]
    assert all(child.gone for child in roster)


# --- operators ---


def test_a_crash_on_the_way_does_not_spoil_an_operators_restart() -> None:
    """S13: it waits for the pump to go and ends meanwhile; it is started all the same, and now."""
    roster = all_up(bus=Policy(restart=Restart.TEMPORARY), pump=ON_BUS)
    roster["bus"].want(Wanted.RUNNING)
    roster["bus"].cycle = True
    look(roster)
    end(roster, "bus")
    end(roster, "pump")

    assert look(roster) == ([], ["bus"])


def test_a_start_that_is_wanted_during_the_clean_up_is_not_lost() -> None:
    """S13: what failed before is forgiven, and this life is part of it."""
    roster = all_up(pump=Policy(limit=RestartLimit(max_restarts=0)))
    roster.ending(roster["pump"], 0.0)
    roster["pump"].want(Wanted.RUNNING)
    end(roster, "pump")

    assert look(roster) == ([], ["pump"])


def test_terminate_wins_over_a_restart_loop() -> None:
    """S13."""
    roster = all_up(pump=BUS)
    end(roster, "pump", 0.0)
    roster["pump"].want(Wanted.STOPPED, "stopped by an operator")

    assert look(roster, 100.0) == ([], [])
    assert roster.next_look(100.0) == math.inf
    assert state_of(roster["pump"]) is State.STOPPED


def test_who_is_to_stop_and_crashes_first_is_stopped_and_not_failed() -> None:
    """S13: its end was wanted."""
    roster = all_up(bus=Policy(limit=RestartLimit(max_restarts=0)), pump=ON_BUS)
    roster["bus"].want(Wanted.STOPPED)
    look(roster)
    end(roster, "bus")

    assert state_of(roster["bus"]) is State.STOPPED


def test_nobody_starts_anything_once_everything_is_to_stop() -> None:
    """P17: an operator who is late does not keep the bench from stopping."""
    roster = all_up(bus=BUS, pump=ON_BUS)
    roster.close()
    look(roster)
    roster["bus"].want(Wanted.RUNNING)
    end(roster, "pump")
    roster["pump"].want(Wanted.RUNNING)

    assert look(roster) == (["bus"], [])
    end(roster, "bus")
    assert look(roster) == ([], [])
    assert all(child.gone for child in roster)


def test_nothing_is_given_up_once_everything_is_to_stop() -> None:
    """S15: what fails on the way out is not why one goes."""
    hopeless = Policy(critical=True, limit=RestartLimit(max_restarts=0))
    roster = all_up(bus=hopeless, pump=ON_BUS)
    roster.close()
    roster["bus"].want(Wanted.RUNNING)
    end(roster, "bus")

    assert roster.gave_up is None


@pytest.mark.parametrize(
    ("phase", "wanted", "due", "state"),
    [
        (Phase.DOWN, Wanted.RUNNING, -math.inf, State.STARTING),
        (Phase.DOWN, Wanted.RUNNING, 5.0, State.BACKOFF),
        (Phase.DOWN, Wanted.STOPPED, 5.0, State.STOPPED),
        (Phase.DOWN, Wanted.FINISHED, -math.inf, State.STOPPED),
        (Phase.DOWN, Wanted.PARKED, -math.inf, State.FAILED),
        *((Phase.STARTING, wanted, -math.inf, State.STARTING) for wanted in Wanted),
        *((Phase.UP, wanted, -math.inf, State.RUNNING) for wanted in Wanted),
        *((Phase.STOPPING, wanted, -math.inf, State.STOPPING) for wanted in Wanted),
        *((Phase.WEDGED, wanted, -math.inf, State.STOPPING) for wanted in Wanted),
    ],
)
def test_the_state_follows_from_the_record(phase: Phase, wanted: Wanted, due: float, state: State) -> None:
    assert state_of(Child("pump", Policy(), phase=phase, wanted=wanted, due=due, asked=True)) is state


@pytest.mark.parametrize(("up_since", "state"), [(None, State.STARTING), (0.0, State.STOPPING)])
def test_to_clean_up_after_a_failed_start_is_part_of_it(up_since: float | None, state: State) -> None:
    assert state_of(Child("pump", Policy(), phase=Phase.STOPPING, up_since=up_since)) is state
