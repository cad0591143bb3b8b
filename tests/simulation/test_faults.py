from __future__ import annotations

import math

import pytest

from labtroupe.errors import ArgumentError
from labtroupe.simulation import FAULTS, Fault, parse_duration
from labtroupe.simulation._faults import Faults


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("300ms", 0.3), ("2min", 120), ("1.5", 1.5), (".5 S", 0.5), (" 1h ", 3600), ("2.s", 2)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "5 days", "-1s", "0", "0ms", "nan", "inf", "1e3", "5s5s", "1_0", "٣s", "9" * 400]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ArgumentError, match="is not a duration") as caught:
        parse_duration(text)

    assert "`300ms`" in caught.value.remedy


def test_every_fault_says_how_it_is_written() -> None:
    assert {name: kind.usage for name, kind in FAULTS.items()} == {
        "unplug": "unplug [SECONDS]",
        "plug": "plug",
        "mute": "mute [SECONDS]",
        "late": "late DELAY [SECONDS]",
        "noise": "noise [SECONDS]",
        "flood": "flood [SECONDS]",
        "power-cycle": "power-cycle [SECONDS]",
        "clear": "clear",
    }


def test_a_fault_without_a_duration_stays_until_it_is_cleared() -> None:
    faults = Faults()
    faults.inject("mute", [], now=10)

    assert faults.current(1e9) == (Fault("mute", math.inf),)
    assert faults.next_end(10) == math.inf
    faults.inject("clear", [], now=11)
    assert faults.current(11) == ()


def test_a_fault_with_a_duration_ends_by_itself() -> None:
    faults = Faults()
    faults.inject("unplug", ["5s"], now=10)
    faults.inject("late", ["200ms", "1min"], now=11)

    assert faults.current(14.9) == (Fault("unplug", 15), Fault("late", 71, 0.2))
    assert faults.next_end(14.9) == 15
    assert not faults.has("unplug", 15)
    assert faults.next_end(15) == 71
    assert (faults.delay(70.9), faults.delay(71)) == (0.2, 0)


def test_a_fault_injected_again_takes_the_place_of_the_first() -> None:
    faults = Faults()
    faults.inject("late", ["5s"], now=0)
    faults.inject("late", ["1s"], now=0)

    assert faults.current(0) == (Fault("late", math.inf, 1),)


def test_plug_ends_nothing_but_unplug() -> None:
    faults = Faults()
    faults.inject("mute", [], now=0)
    faults.inject("unplug", [], now=0)
    faults.inject("plug", [], now=0)
    faults.inject("plug", [], now=0)

    assert faults.current(0) == (Fault("mute"),)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("explode", [], "there is no fault 'explode'"),
        ("late", [], "late cannot take 0 values"),
        ("late", ["1s", "1s", "1s"], "late cannot take 3 values"),
        ("plug", ["1s"], "plug cannot take 1 values"),
        ("mute", ["soon"], "'soon' is not a duration"),
    ],
)
def test_what_cannot_be_injected_changes_nothing(name: str, arguments: list[str], message: str) -> None:
    faults = Faults()
    with pytest.raises(ArgumentError, match=message) as caught:
        faults.inject(name, arguments, now=0)

    assert caught.value.remedy
    assert faults.current(0) == ()
