from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import attrs
import pytest

from labtroupe.conformance import (
    CHECKS,
    Card,
    Result,
    Subject,
    Verdict,
    _run,
    make_subject,
    parse_message,
    run_card,
)
from labtroupe.errors import ArgumentError, ConfigError, UnknownCommandError
from labtroupe.instrument import Instrument
from labtroupe.kinds import DCPowerSupply, LinkamT95, ScpiInstrument
from labtroupe.kinds.modbus import ModbusInstrument, ModbusRtuBus
from labtroupe.simulation import FAULTS, Faults

from . import _drivers as drivers
from . import _right as right

CARDS = Path(__file__).parents[2] / "docs" / "reference" / "cards"

OURS = [
    pytest.param("linkam-t95", lambda: make_subject(LinkamT95)),
    pytest.param("dc-power-supply", lambda: make_subject(DCPowerSupply)),
    pytest.param("modbus", lambda: make_subject(ModbusInstrument, settings={"unit": 3})),
    pytest.param("scpi", lambda: make_subject(ScpiInstrument), marks=pytest.mark.slow),
    pytest.param(
        "modbus-rtu-bus",
        lambda: make_subject(ModbusRtuBus, probe=ModbusRtuBus.look_for(1)),
        marks=pytest.mark.slow,
    ),
]

# What is done otherwise, and is right, and the checks that may take it for wrong.
RIGHT: list[tuple[type[Instrument], Sequence[str]]] = [
    (right.Echoing, ["cancel-in-request", "echo"]),
    (right.Chatty, ["start", "commands", "echo"]),
    (right.Patient, ["commands", "unanswered"]),
    (right.Unheard, ["start", "mute", "slow-drain", "unanswered", "safe-state", "unplug"]),
    (right.InThreads, ["start", "mute"]),
    (right.LooksOften, ["slow-drain", "memory"]),
    (right.Fixed, ["flood", "cancel-in-request", "slow-drain"]),
]

# How a good driver is broken, and a check that notices it.
BROKEN: list[tuple[type[Instrument], str]] = [
    (drivers.WithoutResync, "late"),
    (drivers.WithoutResync, "duplicate"),
    (drivers.WithoutResync, "cancel-in-request"),
    (drivers.WithoutResync, "cancel-in-answer"),
    (drivers.FlushesOnly, "late"),
    (drivers.OwnTimeout, "mute"),
    (drivers.SwallowsErrors, "garbled"),
    (drivers.SwallowsErrors, "stray"),
    (drivers.ShieldsItself, "mute"),
    (drivers.NotesTooEarly, "memory"),
    (drivers.StateBeforeReply, "memory"),
    (drivers.AsksNobody, "identity"),
    (drivers.AsksNobody, "power-cycle"),
    (drivers.AsksNobody, "reattach"),
    (drivers.Blocks, "blocking"),
    (drivers.LeavesOpen, "failed-start"),
    (drivers.KeepsAll, "flood"),
    (drivers.LeaksThreads, "leaks"),
    (drivers.LeaksFiles, "leaks"),
    (drivers.TakesAnybody, "identity"),
    (drivers.Deaf, "unplug"),
    (drivers.NeverSafe, "safe-state"),
    (drivers.Crashes, "start"),
    (drivers.CrashesWhenTold, "commands"),
    (drivers.TakesPieces, "split"),
    (drivers.StopsSlowly, "stop"),
    (drivers.FinishesFirst, "halt"),
    (drivers.GivesUp, "noise"),
    (drivers.TakesAnything, "echo"),
    (drivers.Hopes, "slow-drain"),
    (drivers.ClosesWhatWorks, "replug"),
    (drivers.Cached, "start"),
    (drivers.ForgetsAwait, "start"),
    (drivers.ForgetsToWait, "commands"),
    (drivers.GivesText, "start"),
    (drivers.RefusesAll, "garbled"),
    (drivers.GivesLast, "unplug"),
    (drivers.ActsWhenCut, "memory"),
    (drivers.SwallowsInCommand, "unanswered"),
    (drivers.BeginsAnew, "unplug"),
    (drivers.SetsToGetInStep, "late"),
    (drivers.OpensShielded, "failed-start"),
    (drivers.StopsShielded, "stop"),
    (drivers.SafeInTurn, "safe-state"),
    (drivers.BlocksWhenTold, "blocking"),
    (drivers.LeaksPerCommand, "leaks"),
    (drivers.LeaksTasks, "leaks"),
    (drivers.LeaksUnstarted, "leaks"),
    (drivers.RestoresNothing, "reattach"),
    (drivers.ResetsNothing, "reattach"),
    (drivers.NeverForgets, "reattach"),
    (drivers.RemembersNothing, "reattach"),
    (drivers.AsksAgain, "unanswered"),
    (drivers.KeepsLock, "unanswered"),
    (drivers.KeepsOldMemory, "memory"),
    (drivers.OnlySays, "safe-state"),
    (drivers.SafeWhenUsed, "safe-state"),
]


@pytest.fixture(autouse=True)
def leaks_end() -> Iterator[None]:
    """Let the threads end, and close the files, that a driver has left behind."""
    yield
    while drivers.FILES:
        drivers.FILES.pop().close()
    drivers.ENOUGH.set()
    checks = (each for each in threading.enumerate() if each.name.startswith("check "))
    for thread in [*drivers.THREADS, *checks]:
        thread.join(1)
    drivers.THREADS.clear()
    drivers.ENOUGH.clear()


def only(subject: Subject, *names: str) -> Card:
    """Try a driver with some of the checks."""
    return run_card(subject, checks=[each for each in CHECKS if each.name in names])


@pytest.mark.parametrize(("kind", "subject"), OURS)
def test_a_driver_that_comes_with_labtroupe_passes_all_checks(
    kind: str, subject: Callable[[], Subject]
) -> None:
    """PLR-17, PLR-18: and has the card that is in the docs, by `python docs/generate.py --cards`."""
    card = run_card(attrs.evolve(subject(), name=kind))

    assert not card.failed, card.as_text()
    assert card.as_markdown() == (CARDS / f"{kind}.md").read_text()


@pytest.mark.parametrize(
    "kind",
    [each.name for each in entry_points(group="labtroupe.kinds") if each.module.startswith("labtroupe.")],
)
def test_the_card_of_each_kind_has_all_checks(kind: str) -> None:
    """PLR-17: by `python docs/generate.py --cards`."""
    rows = re.findall(r"^\| (\S+) \| (.*?) \|", (CARDS / f"{kind}.md").read_text(), re.MULTILINE)

    assert rows[2:] == [(each.name, each.promise) for each in CHECKS]


@pytest.mark.parametrize(("driver", "checks"), RIGHT)
def test_a_driver_of_another_style_is_not_taken_for_wrong(
    driver: type[Instrument], checks: Sequence[str]
) -> None:
    """PLR-18: what fails is wrong."""
    card = only(make_subject(driver), *checks)

    assert not card.failed, card.as_text()


def test_many_exchanges_in_no_time_are_not_taken_for_turning_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PLR-18: something happens in each turn."""
    monkeypatch.setattr(_run, "_MOST_TURNS", 200)
    card = only(make_subject(right.ReadsTable), "commands")

    assert not card.failed, card.as_text()


@pytest.mark.parametrize(("driver", "check"), BROKEN)
def test_a_driver_that_is_broken_is_caught(driver: type[Instrument], check: str) -> None:
    """PLR-18: each with the fix."""
    (result,) = only(make_subject(driver, device=drivers.Bath), check).results

    assert result.verdict is Verdict.FAILS
    assert result.note
    assert result.fix


def test_each_check_is_shown_to_fail() -> None:
    assert {check for _, check in BROKEN} == {each.name for each in CHECKS}


def test_each_fault_of_the_menu_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """PLR-17: what is new on the fault menu needs a check."""
    tried: set[str] = set()
    inject = Faults.inject

    def note(faults: Faults, name: str, words: Sequence[str], now: float) -> None:
        tried.add(name)
        inject(faults, name, words, now)

    monkeypatch.setattr(Faults, "inject", note)
    card = run_card(make_subject(drivers.Good, device=drivers.Bath))

    assert not card.failed, card.as_text()
    assert {name for name, kind in FAULTS.items() if not kind.ends} == tried - {"clear"}


def test_a_naive_driver_fails_most() -> None:
    """PLR-18."""
    card = run_card(make_subject(drivers.Naive, device=drivers.Bath))

    assert len(card.failed) > len(CHECKS) / 2


def test_a_driver_that_does_not_start_is_tried_with_nothing_else() -> None:
    card = run_card(make_subject(drivers.Crashes, device=drivers.Bath))

    assert [each.verdict for each in card.results[:2]] == [Verdict.FAILS, Verdict.NOT_TRIED]
    assert len(card.failed) == len(CHECKS)


def test_a_driver_that_blocks_for_ever_ends_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """PLR-18: nobody can end it, and it is left behind."""
    monkeypatch.setattr(_run, "_BLOCKED_SECONDS", 0.2)
    card = run_card(make_subject(drivers.Hangs, device=drivers.Bath), checks=CHECKS[:2])

    assert [each.verdict for each in card.results] == [Verdict.FAILS, Verdict.NOT_TRIED]
    assert "blocks" in card.results[0].note


def test_a_driver_that_works_for_too_long_ends_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """PLR-18: although nothing of it blocks for long."""
    monkeypatch.setattr(_run, "_BLOCKED_SECONDS", 0.1)
    monkeypatch.setattr(_run, "_MOST_SECONDS", 0.3)
    checks = [each for each in CHECKS if each.name in {"cancel-in-answer", "slow-drain"}]
    card = run_card(make_subject(drivers.Blocks, device=drivers.Bath), checks=checks)

    assert [each.verdict for each in card.results] == [Verdict.FAILS, Verdict.NOT_TRIED]
    assert "works for more than" in card.results[0].note


def test_what_is_not_declared_is_no_failure_and_says_what_to_declare() -> None:
    card = only(make_subject(ModbusInstrument, settings={"unit": 1}), "safe-state", "identity")

    assert [each.verdict for each in card.results] == [Verdict.NOT_DECLARED] * 2
    assert ["Declare" in each.fix for each in card.results] == [True, True]
    assert not card.failed


def test_a_simulator_that_crashes_is_named_and_not_the_driver() -> None:
    (result,) = only(make_subject(drivers.Good, device=drivers.Broken), "start").results

    assert result.verdict is Verdict.FAILS
    assert "the simulated device has crashed: ZeroDivisionError" in result.note
    assert " at conformance/_drivers.py:" in result.note


def test_results_are_told_as_soon_as_they_are_known() -> None:
    told: list[Result] = []
    card = run_card(make_subject(drivers.Good, device=drivers.Bath), checks=CHECKS[:2], on_result=told.append)

    assert tuple(told) == card.results


def test_the_same_driver_has_the_same_card() -> None:
    subject = make_subject(drivers.Good, device=drivers.Bath)
    first, second = (only(subject, "start", "late", "safe-state").as_markdown() for _ in range(2))

    assert first == second
    assert first.startswith("# Conformance card of Good\n")


def test_values_are_made_up_within_their_limits() -> None:
    asked = [repr(each) for each in make_subject(DCPowerSupply).commands]

    assert "DCPowerSupply.set_voltage(1.0)" in asked
    assert not any(each.startswith("ScpiInstrument.query") for each in asked)


def test_what_is_asked_can_be_written_as_a_text() -> None:
    assert parse_message(LinkamT95, "ramp -40 5") == LinkamT95.ramp(-40.0, 5.0)


@pytest.mark.parametrize(
    ("text", "error"), [("rump", UnknownCommandError), ("ramp", ArgumentError), ("'", ArgumentError)]
)
def test_a_text_that_asks_for_nothing_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_message(LinkamT95, text)


@attrs.define(eq=False)
class Bare(Instrument):
    """Declares nothing."""


@pytest.mark.parametrize(
    "device", ["", "sim:nothing-like-it", "labtroupe.simulation:Rack", "serial:/dev/null"]
)
def test_without_a_simulated_device_nothing_is_tried(device: str) -> None:
    with pytest.raises(ConfigError) as raised:
        make_subject(Bare, device=device)

    assert raised.value.remedy


def test_a_missing_await_is_told_with_its_place() -> None:
    """PLR-18."""
    result = only(make_subject(drivers.ForgetsToWait, device=drivers.Bath), "commands").results[0]

    assert re.fullmatch(r"Good\._set\(\) was called without `await` at .*_drivers\.py:\d+", result.note)
    assert result.fix.startswith("Write `await` before the call")


def test_a_driver_that_cannot_be_made_is_told_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"Misspelt cannot be made: .*'volume'.* at .*_drivers\.py:\d+"):
        make_subject(drivers.Misspelt, device=drivers.Bath)


def test_without_anything_to_ask_nothing_is_tried() -> None:
    with pytest.raises(ConfigError, match="no command that can be asked"):
        make_subject(Bare, device=drivers.Bath)
