"""Groups, significant children, children on demand and storms, in single scenes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest

from labtroupe.lifecycle import State
from labtroupe.policy import (
    AutoShutdown,
    Backoff,
    Child,
    Group,
    Phase,
    Policy,
    Restart,
    RestartLimit,
    Roster,
    Strategy,
    Wanted,
)

AT_ONCE = Backoff(first=0.0)
MEMBER = Policy(group="rig", backoff=AT_ONCE)


def names(children: Iterable[Child]) -> str:
    """Return the names of children in their order, each one letter."""
    return "".join(child.name for child in children)


def look(roster: Roster, now: float = 0.0) -> tuple[str, str]:
    """Look once as the supervisor does, and return who is stopped and who is started."""
    return names(roster.due_stops(now)), names(roster.due_starts(now))


def all_up(strategy: Strategy, limit: RestartLimit | None = None, **policies: Policy) -> Roster:
    """Return a roster whose children have all come up, those of the group ``rig`` under a strategy."""
    roster = Roster.of(policies, {"rig": Group(strategy, limit or RestartLimit())})
    while roster.due_starts(0.0):
        for child in roster:
            roster.started(child, 0.0)
    return roster


def end(roster: Roster, name: str, now: float = 0.0, failure: str | None = "broke") -> None:
    """End the life of one child, with no chance in its backoff."""
    roster.ended(roster[name], now, 0.0, failure=failure)


def run_to_rest(roster: Roster, now: float = 0.0) -> list[str]:
    """Let everybody do as told, and return who was stopped (-) and started (+) in which order."""
    log: list[str] = []
    while any(look := (roster.due_stops(now), roster.due_starts(now))):
        stopped, started = look
        log += [f"-{names(stopped)}"] * bool(stopped) + [f"+{names(started)}"] * bool(started)
        for child in stopped:
            roster.ended(child, now, 0.0, failure=None)
        for child in started:
            roster.started(child, now)
    return log


# --- strategies ---


@pytest.mark.parametrize(
    ("strategy", "crashed", "history"),
    [
        (Strategy.ONE_FOR_ONE, "b", ["+b"]),
        (Strategy.ONE_FOR_ALL, "b", ["-c", "-a", "+a", "+b", "+c"]),
        (Strategy.REST_FOR_ONE, "b", ["-c", "+b", "+c"]),
        (Strategy.REST_FOR_ONE, "a", ["-c", "-b", "+a", "+b", "+c"]),
        (Strategy.REST_FOR_ONE, "c", ["+c"]),
    ],
)
def test_who_is_restarted_with_whom(strategy: Strategy, crashed: str, history: list[str]) -> None:
    """S3: in reverse order down and in order up; nobody of a new life starts while one of the old is up."""
    roster = all_up(strategy, a=MEMBER, b=MEMBER, c=MEMBER, other=Policy())
    end(roster, crashed)

    assert run_to_rest(roster) == history


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_members_start_one_after_the_other(strategy: Strategy) -> None:
    """S3: as in OTP; whoever is not of the group does not wait for it."""
    roster = Roster.of({"a": MEMBER, "b": MEMBER, "x": Policy()}, {"rig": Group(strategy)})

    assert look(roster) == ("", "ax")
    assert roster.waits_for(roster["b"]) == ("a",)
    roster.started(roster["a"], 0.0)
    assert look(roster) == ("", "b")


def test_who_goes_down_does_not_wait_for_itself() -> None:
    """S14: the reason that is shown is one."""
    roster = all_up(Strategy.ONE_FOR_ALL, a=MEMBER, b=MEMBER)
    end(roster, "a")
    look(roster)

    assert (roster.waits_for(roster["a"]), roster.waits_for(roster["b"])) == (("b",), ())


def test_all_members_wait_for_the_pause_of_the_one_that_failed() -> None:
    """S7: a port is not opened and closed again while the one that failed is tried."""
    slow = Policy(group="rig", backoff=Backoff(first=5.0, jitter=0.0))
    roster = all_up(Strategy.ONE_FOR_ALL, a=MEMBER, b=slow)
    end(roster, "b")

    assert run_to_rest(roster) == ["-a"]
    assert [roster.state(child) for child in roster] == [State.BACKOFF, State.BACKOFF]
    assert (roster["a"].reason, roster.next_look(0.0)) == ("b went down", 5.0)
    assert run_to_rest(roster, 5.0) == ["+a", "+b"]


def test_a_second_failure_inside_a_group_restart_starts_it_again() -> None:
    """S3, S5: it is another restart, and counts."""
    roster = all_up(Strategy.ONE_FOR_ALL, a=MEMBER, b=MEMBER)
    end(roster, "a")
    look(roster)
    end(roster, "b", failure=None)
    look(roster)
    roster.started(roster["a"], 0.0)
    assert look(roster) == ("", "b")
    end(roster, "b")

    assert run_to_rest(roster) == ["-a", "+a", "+b"]
    assert roster["a"].history.counted == 2


def test_what_fails_together_is_one_incident() -> None:
    """S7: two members whose cable is the same one."""
    roster = all_up(Strategy.ONE_FOR_ALL, RestartLimit(max_restarts=1), a=MEMBER, b=MEMBER)
    roster.ending(roster["b"], 0.0)
    end(roster, "a")
    end(roster, "b")

    assert run_to_rest(roster) == ["+a", "+b"]


def test_what_fails_with_its_dependency_is_one_incident() -> None:
    """S7: the hub first, then what is behind it; nothing of that counts twice."""
    never = RestartLimit(max_restarts=0)
    roster = all_up(
        Strategy.ONE_FOR_ONE,
        h=Policy(backoff=AT_ONCE),
        d=Policy(depends_on=("h",), backoff=AT_ONCE, limit=never),
    )
    end(roster, "h")
    end(roster, "d")

    assert run_to_rest(roster) == ["+h", "+d"]


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_temporary_bystander_is_not_restarted(strategy: Strategy) -> None:
    """S4, P11."""
    temporary = Policy(group="rig", restart=Restart.TEMPORARY)
    roster = all_up(strategy, a=MEMBER, b=temporary, c=MEMBER)
    end(roster, "a")

    assert run_to_rest(roster) == ["-c", "-b", "+a", "+c"]
    assert roster.state(roster["b"]) is State.STOPPED


def test_a_group_has_one_limit_and_is_parked_and_revived_together() -> None:
    """S5, S6."""
    roster = all_up(Strategy.ONE_FOR_ALL, RestartLimit(max_restarts=1), a=MEMBER, b=MEMBER)
    end(roster, "a")
    run_to_rest(roster)
    end(roster, "b", 1.0)

    assert run_to_rest(roster, 1.0) == ["-a"]
    assert [roster.state(child) for child in roster] == [State.FAILED, State.FAILED]
    roster.start(roster["b"])
    assert run_to_rest(roster, 2.0) == ["+a", "+b"]


def test_a_group_with_a_critical_member_is_given_up() -> None:
    """S6: whichever of them it is that fails."""
    critical = Policy(group="rig", critical=True)
    roster = all_up(Strategy.ONE_FOR_ALL, RestartLimit(max_restarts=0), a=MEMBER, b=critical)
    end(roster, "a")

    assert (roster.over, roster.gave_up) == (True, roster["a"])
    assert list(roster.due_starts(0.0)) == []


def test_an_operators_stop_of_one_member_is_nobody_elses() -> None:
    """S13: a strategy is about failures."""
    roster = all_up(Strategy.REST_FOR_ONE, a=MEMBER, b=MEMBER)
    roster.stop(roster["a"])

    assert run_to_rest(roster) == ["-a"]
    roster.start(roster["a"])
    assert run_to_rest(roster) == ["+a"]


def test_a_wedged_member_does_not_hold_up_its_group() -> None:
    """R13."""
    roster = all_up(Strategy.ONE_FOR_ALL, a=MEMBER, b=MEMBER, c=MEMBER)
    end(roster, "a")
    assert names(roster.due_stops(0.0)) == "c"

    assert look(roster, 3.0) == ("b", "")
    end(roster, "b", 3.0)
    assert look(roster, 3.0) == ("", "a")
    roster.started(roster["a"], 3.0)
    assert look(roster, 3.0) == ("", "b")
    assert roster["c"].phase is Phase.WEDGED


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a is of group rig, which does not exist$"):
        Roster.of({"a": MEMBER})


# --- significant children ---


@pytest.mark.parametrize(
    ("auto_shutdown", "after_one", "after_both"),
    [
        (AutoShutdown.NEVER, False, False),
        (AutoShutdown.ANY, True, True),
        (AutoShutdown.ALL, False, True),
    ],
)
def test_a_supervisor_ends_with_its_significant_children(
    auto_shutdown: AutoShutdown, *, after_one: bool, after_both: bool
) -> None:
    """S4, as in OTP: transient ones that end without a failure, and temporary ones in any way."""
    main = Policy(restart=Restart.TRANSIENT, significant=True)
    once = Policy(restart=Restart.TEMPORARY, significant=True)
    roster = Roster.of({"a": main, "b": once, "c": Policy()}, auto_shutdown=auto_shutdown)
    run_to_rest(roster)

    end(roster, "b")
    assert roster.finished is after_one
    end(roster, "a", failure=None)
    assert (roster.finished, roster.over, roster.gave_up) == (after_both, after_both, None)


def test_what_an_operator_stops_was_not_significant() -> None:
    """S4, S13."""
    main = Policy(restart=Restart.TRANSIENT, significant=True)
    roster = Roster.of({"a": main}, auto_shutdown=AutoShutdown.ANY)
    run_to_rest(roster)
    roster.stop(roster["a"])

    assert run_to_rest(roster) == ["-a"]
    assert not roster.over


def test_a_permanent_child_cannot_be_significant() -> None:
    with pytest.raises(ValueError, match="never ends for good"):
        Policy(significant=True)


# --- others ---


def test_a_start_that_is_declined_is_no_failure_and_not_repeated() -> None:
    """OTP's ignore: it has ended without a failure and without having been up."""
    roster = Roster.of({"a": Policy()})
    look(roster)
    end(roster, "a", failure=None)

    assert (roster["a"].wanted, look(roster, math.inf)) == (Wanted.FINISHED, ("", ""))


def test_a_child_on_demand_starts_at_its_first_use() -> None:
    """S11."""
    roster = Roster.of({"a": Policy(on_demand=True)})
    assert look(roster) == ("", "")
    assert roster.state(roster["a"]) is State.STOPPED
    assert roster.wants(roster["a"])

    roster.use(roster["a"])
    assert look(roster) == ("", "a")


def test_what_a_wanted_child_depends_on_is_in_use() -> None:
    """S11: directly, and through others that start on demand."""
    on_demand = Policy(on_demand=True)
    roster = Roster.of(
        {"a": on_demand, "b": Policy(depends_on=("a",), on_demand=True), "c": Policy(depends_on=("b",))}
    )

    assert run_to_rest(roster) == ["+a", "+b", "+c"]


def test_what_was_lost_together_is_opened_four_at_a_time() -> None:
    """S7: those that had not failed do not wait for it."""
    roster = Roster.of(dict.fromkeys("abcdef", Policy(backoff=AT_ONCE)))
    run_to_rest(roster)
    for name in "abcdef":
        end(roster, name)
    roster.children.add("x", Policy())

    assert look(roster) == ("", "abcdx")
    roster.started(roster["c"], 0.0)
    assert look(roster) == ("", "e")
    end(roster, "a")
    assert look(roster) == ("", "a")


def test_a_start_that_takes_long_does_not_keep_others_waiting() -> None:
    """S7: one backoff never delays another, were it four devices that do not answer."""
    roster = Roster.of(dict.fromkeys("abcdef", Policy(backoff=AT_ONCE)))
    run_to_rest(roster)
    for name in "abcdef":
        end(roster, name)

    assert look(roster) == ("", "abcd")
    assert roster.next_look(0.0) == 1.0
    assert look(roster, 1.0) == ("", "ef")


def test_what_a_required_child_depends_on_is_required_too() -> None:
    """S11: or the start would wait for ever for what does not come."""
    roster = Roster.of({"a": Policy(), "b": Policy(depends_on=("a",), required=True)})
    look(roster)
    end(roster, "a", failure="absent")

    assert roster.gave_up is roster["a"]


def test_a_member_before_a_required_one_is_required_too() -> None:
    """S11: its turn comes first."""
    roster = Roster.of(
        {"a": MEMBER, "b": Policy(group="rig", required=True)}, {"rig": Group(Strategy.REST_FOR_ONE)}
    )
    look(roster)
    end(roster, "a", failure="absent")

    assert roster.gave_up is roster["a"]


def test_begun_anew_everything_wanted_is_started_and_nothing_is_forgiven() -> None:
    """S5: the history of an inner supervisor survives its restart."""
    critical = Policy(critical=True, backoff=AT_ONCE, limit=RestartLimit(max_restarts=1))
    roster = all_up(Strategy.ONE_FOR_ONE, a=critical, b=Policy(), s=Policy())
    roster.stop(roster["s"])
    end(roster, "a")
    run_to_rest(roster)
    end(roster, "a", 1.0)
    roster.close()
    assert run_to_rest(roster, 1.0) == ["-b"]

    roster.reopen()
    assert run_to_rest(roster, 2.0) == ["+ab"]
    end(roster, "a", 3.0)
    assert roster.gave_up is roster["a"]


def test_a_child_can_be_added_and_removed() -> None:
    """S4."""
    roster = all_up(Strategy.ONE_FOR_ALL, a=MEMBER)
    roster.children.add("b", Policy(depends_on=("a",), group="rig"))
    assert run_to_rest(roster) == ["+b"]
    roster.stop(roster["b"])
    assert not roster.idle(roster["b"])
    assert run_to_rest(roster) == ["-b"]

    assert roster.idle(roster["b"])
    assert roster.children.dependents(roster["a"]) == ["b"]
    roster.children.remove(roster["b"])
    assert names(roster) == "a"
    with pytest.raises(ValueError, match=r"^c depends on b, which does not exist$"):
        roster.children.add("c", Policy(depends_on=("b",)))
