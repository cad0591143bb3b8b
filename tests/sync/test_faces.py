"""What both blocking faces do: that of a bench in this process, and that of one behind its socket."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from inspect import signature
from pathlib import Path

import pytest
import trio

from labtroupe.errors import (
    ArgumentError,
    CommandCrashed,
    CommandError,
    CommandTimeout,
    Halted,
    Outcome,
    UnknownInstrumentError,
)
from labtroupe.sync import Bench, OpenBench, attach, open_bench

from ._kinds import Colour, Everything, Jammed, Point


@pytest.fixture(params=["inside", "attached"])
def bench(request: pytest.FixtureRequest, file: Path) -> Iterator[Bench]:
    """A bench, by either face."""
    with open_bench(file) as inside:
        yield inside if request.param == "inside" else attach()


def test_a_command_is_a_plain_call(bench: Bench) -> None:
    """PLR-5."""
    everything = bench["all"]

    assert everything.double(2) == 4.0
    assert everything.double(number=-1.5, timeout=3) == -3.0
    assert everything.nothing() is None
    assert everything.slots([1, 2], on=True) in ((3, True), [3, True])


def test_values_arrive_as_they_are(bench: Bench) -> None:
    everything = bench["all"]
    nan, *infinities = everything.infinities()
    swapped = everything.swap(Point(1.0, math.inf))

    assert math.isnan(nan)
    assert infinities == [math.inf, -math.inf]
    assert (swapped.x, swapped.y) == (math.inf, 1.0)
    assert everything.swap({"x": 1, "y": 2}).x == 2.0
    assert everything.table() == {"$float": math.inf}
    assert everything.raw(b"\x80") == b"\x80"
    assert everything.colour(Colour.BLUE) in {Colour.BLUE, "blue"}
    assert everything.colour("blue") in {Colour.BLUE, "blue"}


def test_with_a_message_values_are_of_the_types_that_the_command_declares(bench: Bench) -> None:
    nan, infinity, _ = bench.ask("all", Everything.infinities())

    assert (math.isnan(nan), infinity) == (True, math.inf)
    assert bench.ask("all", Everything.double(2)) == 4.0
    assert bench.ask("all", Everything.swap(Point(1, 2))) == Point(2, 1, Colour.BLUE)
    assert bench.ask("all", Everything.colour(Colour.BLUE)) is Colour.BLUE
    assert bench.ask("all", Everything.slots([1, 2], on=True)) == (3, True)
    assert bench.ask("all", Everything.raw()) == b"\x00\xff"
    assert bench.ask("all", Everything.nothing()) is None


def test_numbers_of_numpy_are_numbers(bench: Bench) -> None:
    class Number:
        def tolist(self) -> int:
            return 3

    assert bench["all"].double(Number()) == 6.0


def test_an_error_is_the_one_that_trio_would_raise(bench: Bench) -> None:
    """R3: with its outcome, and what its class says besides."""
    everything = bench["all"]
    everything.nothing()
    with pytest.raises(CommandTimeout) as late:
        everything.sleep(timeout=0.3)
    with pytest.raises(ArgumentError, match="between -10 and 10 V") as wrong:
        everything.double(11)
    with pytest.raises(CommandCrashed) as crashed:
        everything.crash()
    with pytest.raises(CommandError, match="all: the lid is jammed") as jammed:
        everything.jam(timeout=20)

    assert (late.value.outcome, late.value.stage) == (Outcome.UNKNOWN, "running")
    assert late.value.elapsed == pytest.approx(0.3, abs=0.5)
    assert wrong.value.outcome is Outcome.NOT_SENT
    assert crashed.value.instrument == "all"
    assert (jammed.value.code, jammed.value.outcome) == ("jammed", Outcome.REFUSED)


def test_an_error_says_in_its_traceback_what_became_of_it_and_what_to_do(bench: Bench) -> None:
    with pytest.raises(Jammed if isinstance(bench, OpenBench) else CommandError) as caught:
        bench["all"].jam()

    assert caught.value.__notes__ == ["outcome: refused", "Push."]


def test_an_error_in_a_clean_up_does_not_hide_what_went_wrong_before(bench: Bench) -> None:
    """DSK-5: both are in the traceback."""
    everything = bench["all"]

    def fail_and(clean_up: Callable[[], object]) -> None:
        try:
            raise ZeroDivisionError
        finally:
            clean_up()

    for clean_up in (lambda: bench["nobody"], lambda: everything.double("two")):
        with pytest.raises(CommandError) as caught:
            fail_and(clean_up)
        assert isinstance(caught.value.__context__, ZeroDivisionError)
        assert not caught.value.__suppress_context__


def test_a_value_that_json_does_not_have_is_refused(bench: Bench) -> None:
    with pytest.raises(ArgumentError, match="cannot be sent to a bench"):
        bench["all"].double(object())


def test_a_misspelt_name_is_told_what_was_meant(bench: Bench) -> None:
    with pytest.raises(UnknownInstrumentError, match="did you mean 'psu'"):
        _ = bench["psus"]
    with pytest.raises(AttributeError, match="did you mean 'double'"):
        bench["all"].dubble(1)
    with pytest.raises(AttributeError):
        bench["psu"].voltage = 5.0  # type: ignore[attr-defined]


def test_an_instrument_shows_what_it_can_be_asked(bench: Bench) -> None:
    everything = bench["all"]

    assert "double" in dir(everything)
    assert str(signature(everything.double)) == (
        "(number: number between -10 and 10 V, *, timeout: seconds = 5.0) -> number"
    )
    assert str(signature(everything.wait)) == "(timeout: number = 0.0) -> number"
    assert everything.double.__doc__ == "Twice a number."
    assert "Answers with all kinds of values." in str(type(everything).__doc__)
    assert repr(everything) == f"<all: {Everything.__module__}:Everything at sim:linkam-t95, simulated>"


def test_an_argument_named_timeout_is_the_commands_own(bench: Bench) -> None:
    assert bench["all"].wait(timeout=1.5) == 1.5


def test_a_bench_shows_its_instruments(bench: Bench) -> None:
    bench.start("all")
    bench.start("psu")
    bench["psu"].voltage()

    assert list(bench) == ["all", "psu"]
    assert len(bench) == 2
    assert "psu" in bench
    assert "pump" not in bench
    assert bench._ipython_key_completions_() == ["all", "psu"]
    assert "psu  dc-power-supply (sim)" in repr(bench)
    assert "<td>psu</td><td>dc-power-supply (sim)</td><td>running</td>" in bench._repr_html_()
    assert bench.readings("psu")["voltage"].value == pytest.approx(0, abs=0.1)


def test_the_verbs_are_those_of_an_operator(bench: Bench) -> None:
    bench.start("all")
    assert bench.stop("all").after == "stopped"
    assert bench.status("all").instruments[0].state == "stopped"
    assert bench.start("all").done
    assert bench.restart("all").changed
    assert bench.call("all", "double", ["2"]).value == 4.0
    assert bench.inject("all", "mute", ["5s"])[0].startswith("mute")
    assert bench.halt(["psu"], "smoke").reports[0].instrument == "psu"
    with pytest.raises(Halted, match="smoke") as caught:
        bench["psu"].voltage()
    assert (caught.value.state, caught.value.outcome) == ("halted", Outcome.NOT_SENT)
    assert bench.reset(["psu"], "it was steam")[0].done
    assert "halted" in [event.text.partition(":")[0] for event in bench.events(instrument="psu")]


def test_a_bench_says_who_is_connected_and_connects_who_is_not(bench: Bench) -> None:
    bench.stop("all")
    stopped = bench.connections(["all"])

    assert [each.name for each in stopped.causes] == ["all"]
    assert bench.connect(["all"], timeout=5).connected
    assert bench.ensure_connected(timeout=5).connected


def test_who_follows_sees_what_happens(bench: Bench) -> None:
    with closing(bench.events(follow=True, instrument="psu")) as events:
        while next(events).text != "running":
            pass
        bench.halt(["psu"], "smoke")
        texts = [next(events).text for _ in range(2)]

    assert any("smoke" in text for text in texts)


def test_several_threads_ask_at_once(bench: Bench) -> None:
    """One that waits keeps nobody else from asking another instrument."""
    ends: list[float] = []

    def sleep() -> None:
        with contextlib.suppress(CommandTimeout):
            bench["all"].sleep(timeout=0.5)
        ends.append(time.monotonic())

    bench.start("psu")
    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    bench["psu"].voltage()
    voltage_at = time.monotonic()
    sleeper.join()

    assert voltage_at < ends[0]


async def test_a_call_where_trio_runs_is_refused(file: Path) -> None:
    """It would hold up that run; if it is the bench's own, for ever."""
    bench = await trio.to_thread.run_sync(open_bench, file)
    try:
        for call in (attach, bench.status, bench.close, lambda: open_bench(file)):
            with pytest.raises(RuntimeError, match="trio runs in this thread"):
                call()
    finally:
        await trio.to_thread.run_sync(bench.close)
