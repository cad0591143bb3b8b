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
    assert [kind.usage for kind in FAULTS.values()] == [
        "unplug [SECONDS]",
        "plug",
        "replug [SECONDS]",
        "power-cycle [SECONDS]",
        "refuse [SECONDS]",
        "mute [SECONDS]",
        "late DELAY [SECONDS]",
        "split PAUSE [SECONDS]",
        "garbled [SECONDS]",
        "duplicate [SECONDS]",
        "noise [SECONDS]",
        "echo [SECONDS]",
        "flood [SECONDS]",
        "slow-drain PAUSE [SECONDS]",
        "wrong-identity [SECONDS]",
        "clear",
    ]


def test_a_fault_without_a_duration_stays_until_it_is_cleared() -> None:
    faults = Faults()
    faults.inject("mute", [], now=10)

    assert faults.current(1e9) == (Fault("mute", math.inf),)
    assert faults.next_change(10) == math.inf
    faults.inject("clear", [], now=11)
    assert faults.current(11) == ()


def test_a_fault_with_a_duration_ends_by_itself() -> None:
    faults = Faults()
    faults.inject("unplug", ["5s"], now=10)
    faults.inject("late", ["200ms", "1min"], now=11)

    assert faults.current(14.9) == (Fault("unplug", 15), Fault("late", 71, 0.2))
    assert faults.next_change(14.9) == 15
    assert not faults.has("unplug", 15)
    assert faults.next_change(15) == 71
    assert (faults.delay("late", 70.9), faults.delay("late", 71)) == (0.2, 0)


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
        ("mute", ["after=soon"], "'soon' is not a duration"),
        ("mute", ["chanse=0.5"], "a fault has no option 'chanse'"),
        ("mute", ["chance=0"], "chance=0: this is no probability"),
        ("mute", ["chance=often"], "chance=often: this is no probability"),
        ("mute", ["times=0"], "times=0: this is no count"),
        ("mute", ["said=-1"], "said=-1: this is no count"),
        ("mute", ["after=1s", "said=3"], "a fault begins at one moment"),
        ("mute", ["times=1", "times=2"], "an option is there twice"),
        ("unplug", ["times=1"], "unplug is not one of single answers"),
        ("clear", ["after=1s"], "clear is done at once"),
    ],
)
def test_what_cannot_be_injected_changes_nothing(name: str, arguments: list[str], message: str) -> None:
    faults = Faults()
    with pytest.raises(ArgumentError, match=message) as caught:
        faults.inject(name, arguments, now=0)

    assert caught.value.remedy
    assert faults.current(0) == ()


def test_a_fault_may_begin_later() -> None:
    faults = Faults()
    faults.inject("unplug", ["5s", "after=2s"], now=10)

    assert not faults.out(11.9)
    assert (faults.next_change(11), faults.next_change(12)) == (12, 17)
    assert faults.out(12)
    assert not faults.out(17)


def test_a_fault_that_is_over_before_anybody_looks_has_begun_all_the_same() -> None:
    faults = Faults()
    faults.inject("power-cycle", ["10ms", "after=2s"], now=10)
    faults.inject("replug", ["10ms", "after=1h"], now=10)
    faults.inject("unplug", ["10ms", "after=1s"], now=10)
    faults.inject("plug", [], now=10)

    assert faults.begun(11.9) == []
    assert not faults.out(13)
    assert (faults.begun(13), faults.begun(13)) == (["power-cycle"], [])


@pytest.mark.parametrize("way", ["heard", "said"])
def test_a_fault_may_begin_at_a_byte(way: str) -> None:
    faults = Faults()
    faults.inject("mute", ["5s", f"{way}=3"], now=0)
    other = {"heard": "said", "said": "heard"}[way]

    assert not faults.count(1, **{other: 9})
    assert not faults.count(1, **{way: 2})
    assert (faults.until_heard(), faults.until_said())[way == "said"] == 1
    assert not faults.has("mute", 1)
    assert faults.count(2, **{way: 1})
    assert (faults.begun(2), faults.begun(2)) == (["mute"], [])
    assert faults.has("mute", 6.9)
    assert not faults.has("mute", 7)


def test_a_fault_may_be_done_to_so_many_answers_only() -> None:
    faults = Faults()
    faults.inject("late", ["1s", "times=2"], now=0)
    assert [fault.times for fault in faults.current(0)] == [2]
    hits = [faults.hit("late", 0)]
    assert [fault.in_words(0) for fault in faults.current(0)] == ["late by 1 s once"]
    hits += [faults.hit("late", 0) for _ in range(2)]

    assert [hit is not None for hit in hits] == [True, True, False]
    assert faults.current(0) == ()
    # Who waits because of it waits on, until somebody ends it.
    assert hits[1] is not None
    assert faults.delay_of(hits[1], 0) == 1
    faults.inject("clear", [], now=0)
    assert faults.delay_of(hits[1], 0) == 0


def test_who_waits_because_of_a_fault_waits_as_long_as_the_one_in_its_place_says() -> None:
    faults = Faults()
    faults.inject("late", ["1s"], now=0)
    hit = faults.hit("late", 0)
    faults.inject("late", ["2s"], now=0)

    assert hit is not None
    assert faults.delay_of(hit, 0) == 2


def test_the_same_seed_hits_the_same_answers() -> None:
    def hits(seed: int) -> list[bool]:
        faults = Faults()
        faults.inject("mute", ["chance=0.3", f"seed={seed}"], now=0)
        return [faults.hit("mute", 0) is not None for _ in range(100)]

    assert hits(7) == hits(7)
    assert hits(7) != hits(8)
    assert 10 < sum(hits(7)) < 50


def test_plug_ends_a_replug_too() -> None:
    faults = Faults()
    faults.inject("replug", ["1h"], now=0)
    faults.inject("plug", [], now=0)

    assert faults.current(0) == ()


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("late", ["300ms", "5s"], "late by 0.3 s for another 4.0 s"),
        ("late", ["300ms", "5s", "after=3s"], "late by 0.3 s in 2.0 s"),
        ("mute", ["times=2", "chance=0.5"], "mute with chance 0.5 2 times"),
        ("unplug", ["heard=3"], "unplug after 3 more bytes heard"),
    ],
)
def test_a_fault_says_how_it_stands(name: str, words: list[str], said: str) -> None:
    faults = Faults()
    faults.inject(name, words, now=0)

    assert [fault.in_words(1.0) for fault in faults.current(1.0)] == [said]
