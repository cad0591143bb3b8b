"""Whose turn it is to start."""

from __future__ import annotations

import pytest

from labtroupe.policy import Child, Phase, Policy, Roster


def roster(count: int, *, starts_at_once: int, shares: str = "") -> Roster:
    policies = {f"i{number}": Policy(shares=shares) for number in range(count)}
    return Roster.of(policies, starts_at_once=starts_at_once)


def names(children: list[Child]) -> list[str]:
    return [child.name for child in children]


def test_no_more_start_at_once_than_may() -> None:
    """OA-17: a limit overall; who comes up makes room for the next."""
    children = roster(5, starts_at_once=2)

    assert names(list(children.due_starts(0.0))) == ["i0", "i1"]
    assert names(list(children.due_starts(0.1))) == []

    children.started(children["i1"], 0.2)

    assert names(list(children.due_starts(0.2))) == ["i2"]


def test_one_that_fails_makes_room_too() -> None:
    """OA-17, OA-3: nobody waits for a start that is over."""
    children = roster(2, starts_at_once=1)
    children.due_starts(0.0)
    children.ending(children["i0"], 0.1)
    children.ended(children["i0"], 0.1, 0.0, failure="no such device", unavailable=True)

    assert names(list(children.due_starts(0.1))) == ["i1"]


def test_one_that_hangs_makes_room_after_a_second() -> None:
    """OA-17: a dozen black holes do not keep the others from starting."""
    children = roster(2, starts_at_once=1)
    children.due_starts(0.0)

    assert names(list(children.due_starts(0.9))) == []
    assert children.next_look(0.9) == 1.0
    assert names(list(children.due_starts(1.0))) == ["i1"]


def test_those_on_one_bus_start_one_after_the_other() -> None:
    """OA-17: a limit for each bus."""
    children = Roster.of(
        {"a": Policy(shares="line"), "b": Policy(shares="line"), "c": Policy(), "d": Policy()}
    )

    assert names(list(children.due_starts(0.0))) == ["a", "c", "d"]

    children.started(children["a"], 0.1)

    assert names(list(children.due_starts(0.1))) == ["b"]


def test_those_somebody_waits_for_come_first() -> None:
    """OA-8, OA-11: in their order, whatever the order of the others."""
    children = roster(4, starts_at_once=2)

    assert names(list(children.due_starts(0.0, awaited=["i3", "i2"]))) == ["i2", "i3"]


def test_what_they_depend_on_comes_first_too() -> None:
    """OA-8: at whatever depth."""
    policies = {
        "other": Policy(),
        "hub": Policy(),
        "bus": Policy(depends_on=("hub",)),
        "unit": Policy(depends_on=("bus",)),
    }
    children = Roster.of(policies, starts_at_once=1)

    assert names(list(children.due_starts(0.0, awaited=["unit"]))) == ["hub"]


@pytest.mark.parametrize("now", [0.0, 5.0])
def test_who_waits_for_its_turn_is_about_to_start(now: float) -> None:
    """S1: it is not settled, and its state is starting."""
    children = roster(2, starts_at_once=1)
    children.due_starts(now)

    assert children["i1"].phase is Phase.DOWN
    assert not children.settled(children["i1"])
    assert children.state(children["i1"]).value == "starting"
