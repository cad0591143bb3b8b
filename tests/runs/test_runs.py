"""Procedures in threads: what they can do, how they end, and what their logs say then."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labtroupe import Outcome
from labtroupe.errors import CommandCrashed, CommandRefused, RestartLimitError, RunAbandoned
from labtroupe.runs import Begin, CommandRecord, End, How, Record, Report, Run, RunCancelled, run_procedure
from labtroupe.testing import Double

from ._beds import Gate, Patient, PatientBench, Unasked, reports, whole


async def test_a_procedure_runs_in_a_thread_and_returns_its_result(
    patient_bench: PatientBench, tmp_path: Path
) -> None:
    """OT-1, OT-5: its log begins with what runs, and ends with how it ended."""
    log = tmp_path / "run.jsonl"

    def count(run: Run, to: int, *, by: int) -> list[str]:
        for number in range(0, to, by):
            run.report("counted", number=number, not_a_number=math.nan, endless=-math.inf)
        return [threading.current_thread().name]

    async with patient_bench() as bench:
        (thread,) = await run_procedure(bench, partial(count, by=2), 6, log=log)
    run = whole(log, How.DONE)

    assert thread == f"run {run.begin.procedure}"
    assert run.begin.procedure.endswith("count")
    assert (run.begin.args, run.begin.kwargs, run.begin.bench) == ([6], {"by": 2}, "bench.sim")
    assert reports(run) == [{"number": n, "not_a_number": "NaN", "endless": "-Infinity"} for n in (0, 2, 4)]
    assert run.end is not None
    assert run.end.records == 4


async def test_its_commands_are_calls_that_block_and_each_is_in_the_log(
    patient_bench: PatientBench, patient: Double[Patient], tmp_path: Path
) -> None:
    """OT-5: with what became of it, also if that is an error."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> float:
        with pytest.raises(CommandRefused):
            run.bench["patient"].dwell()
        with pytest.raises(OSError, match="broken"):
            run.call(_raise, OSError("broken"))
        total = run.bench.ask("patient", Patient.add(1.0, b=2.0))
        return float(run.bench["patient"].add(total, 4.0))

    patient.when(Patient.dwell()).raises(CommandRefused("not today"))
    async with patient_bench() as bench:
        assert await run_procedure(bench, procedure, log=log) == 7.0
    first, second, third = whole(log, How.DONE).records

    assert isinstance(first, CommandRecord)
    assert (first.command, first.outcome, first.code) == ("dwell()", Outcome.REFUSED, "refused")
    assert isinstance(second, CommandRecord)
    assert (second.command, second.outcome, second.value) == ("Patient.add(1.0, 2.0)", Outcome.DONE, 3.0)
    assert isinstance(third, CommandRecord)
    assert (third.instrument, third.command, third.value) == ("patient", "add(3.0, 4.0)", 7.0)


async def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("too hot"), "ValueError: too hot"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyError(), "KeyError"),
    ],
    ids=["error", "exit", "without words"],
)
async def test_an_error_comes_out_as_it_is_and_the_log_says_why(
    patient_bench: PatientBench, tmp_path: Path, error: BaseException, reason: str
) -> None:
    """OT-4, OT-5: in no group."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> None:
        run.report("before")
        raise error

    caught: list[BaseException] = []
    async with patient_bench() as bench:
        try:
            await run_procedure(bench, procedure, log=log)
        except BaseException as raised:  # noqa: BLE001 - that it is this one is what is tested
            caught.append(raised)
    end = whole(log, How.FAILED).end

    assert caught == [error]
    assert end is not None
    assert (end.reason, end.code, end.records) == (reason, type(error).__name__, 2)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "Ctrl-C"])
async def test_what_an_async_function_raises_is_the_procedure_s(tmp_path: Path, error: BaseException) -> None:
    """OT-4, OT-5: whatever it is; it can handle it, or end by it."""
    log = tmp_path / "run.jsonl"

    async def step() -> None:
        raise error

    def procedure(run: Run) -> None:
        with pytest.raises(type(error)):
            run.call(step)
        run.report("handled")
        run.call(step)

    caught: list[BaseException] = []
    with trio.fail_after(5):
        try:
            await run_procedure(Unasked(), procedure, log=log)
        except BaseException as raised:  # noqa: BLE001 - that it is this one is what is tested
            caught.append(raised)
    run = whole(log, How.FAILED)

    assert caught == [error]
    assert [getattr(each, "name", "") for each in run.records] == ["handled"]


async def report_at_the_end(run: Run) -> None:
    """Wait, and report that this has ended: too late, if the run was cancelled."""
    try:
        await trio.sleep(60)
    finally:
        run.report("ended")


async def report_in_a_nursery(run: Run) -> None:
    """Do so in several tasks."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(report_at_the_end, run)
        nursery.start_soon(report_at_the_end, run)


@pytest.mark.parametrize("step", [report_at_the_end, report_in_a_nursery])
async def test_an_async_function_that_is_told_that_the_run_is_cancelled_ends_as_cancelled(
    tmp_path: Path, step: Callable[[Run], Awaitable[None]]
) -> None:
    """OT-4, OT-5: in trio's thread as in any other."""
    log = tmp_path / "run.jsonl"
    with trio.fail_after(5), trio.move_on_after(0.05) as scope:
        await run_procedure(Unasked(), lambda run: run.call(step, run), log=log)

    assert scope.cancelled_caught
    assert whole(log, How.CANCELLED).records == []


async def test_an_async_function_cleans_up_for_the_thread_that_calls_it(tmp_path: Path) -> None:
    """OT-12: it may report, and so may what it starts; others in trio's thread are no part of that."""
    log, refused = tmp_path / "run.jsonl", list[str]()

    async def off(run: Run) -> None:
        run.report("off")
        await trio.to_thread.run_sync(run.report, "off in a thread")
        nobody.set()
        await trio.sleep(0.05)

    def procedure(run: Run) -> None:
        runs.append(run)
        try:
            run.sleep(60)
        finally:
            with run.cleanup():
                run.call(off, run)

    async def other() -> None:
        await nobody.wait()
        with pytest.raises(RunCancelled):
            runs[0].report("not cleaning up")
        refused.append("report")

    runs, nobody = list[Run](), trio.Event()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            with trio.move_on_after(0.05):
                await run_procedure(Unasked(), procedure, log=log)
    run = whole(log, How.CANCELLED)

    assert refused == ["report"]
    assert [getattr(each, "name", "") for each in run.records] == ["off", "off in a thread"]


STEPS: Mapping[str, Callable[[Run], object]] = {
    "sleep": lambda run: run.sleep(60),
    "call": lambda run: run.call(trio.sleep_forever),
    "command": lambda run: run.bench["patient"].dwell(),
    "ask": lambda run: run.bench.ask("patient", Patient.dwell()),
    "report": lambda run: endlessly(lambda: run.report("step")),
    "look": lambda run: endlessly(run.bench.status),
}


def endlessly(step: Callable[[], object]) -> None:
    """Do a step again and again."""
    while True:
        step()
        time.sleep(0.001)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
async def test_to_be_cancelled_ends_whatever_it_does_and_is_no_error_to_swallow(
    patient_bench: PatientBench, tmp_path: Path, step: Callable[[Run], object]
) -> None:
    """OT-5: and is said again at each step from then on."""
    log, told, gate = tmp_path / "run.jsonl", list[str](), Gate()

    def procedure(run: Run) -> None:
        gate.opened.set()
        gate.stop()
        for _ in range(3):
            try:
                step(run)
            except Exception:  # noqa: BLE001 - as many a script does
                told.append("swallowed")
            except RunCancelled:
                told.append("told")
        run.sleep(0)

    async with patient_bench() as bench, trio.open_nursery() as nursery:
        nursery.start_soon(partial(run_procedure, bench, procedure, log=log))
        await gate.wait_reached()
        await trio.sleep(0.02)
        before = trio.current_time()
        nursery.cancel_scope.cancel("enough")
    assert trio.current_time() - before < 2
    end = whole(log, How.CANCELLED).end

    assert told == ["told"] * 3
    assert end is not None
    assert end.reason == "enough"


async def test_a_command_that_is_under_way_is_cancelled_at_the_bench(
    patient_bench: PatientBench, patient: Double[Patient], tmp_path: Path
) -> None:
    """OT-5, R4: and the log says that nobody knows what has become of it."""
    log = tmp_path / "run.jsonl"
    async with patient_bench() as bench:
        with trio.move_on_after(0.1):
            await run_procedure(bench, lambda run: run.bench["patient"].dwell(), log=log)
        assert patient.received[0].outcome is Outcome.UNKNOWN
        assert await bench.ref("patient", Patient).ask(Patient.add(1.0, 1.0)) == 2.0
    run = whole(log, How.CANCELLED)
    (record,) = run.records

    assert isinstance(record, CommandRecord)
    assert (record.command, record.outcome, record.code) == ("dwell()", Outcome.UNKNOWN, "cancelled")
    assert run.end is not None
    assert run.end.reason == "the deadline around it has come"


async def test_a_clean_up_is_done_also_when_it_was_cancelled(
    patient_bench: PatientBench, tmp_path: Path
) -> None:
    """OT-12: what has to be switched off is, and the log has it before its end."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> None:
        try:
            run.sleep(60)
        finally:
            with run.cleanup():
                run.bench["patient"].add(1.0, 1.0)
                run.sleep(0.01)
                run.report("switched off")
            run.report("too much")

    async with patient_bench() as bench:
        with trio.move_on_after(0.05):
            await run_procedure(bench, procedure, log=log)
    run = whole(log, How.CANCELLED)

    assert [getattr(each, "name", "add") for each in run.records] == ["add", "switched off"]


async def test_a_clean_up_that_is_refused_is_in_the_log(patient_bench: PatientBench, tmp_path: Path) -> None:
    """OT-4: who forgets to say that it is one finds out."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> None:
        patient = run.bench["patient"]
        try:
            run.sleep(60)
        finally:
            patient.add(1.0, 1.0)

    async with patient_bench() as bench:
        with trio.move_on_after(0.05):
            await run_procedure(bench, procedure, log=log)
    (record,) = whole(log, How.CANCELLED).records

    assert isinstance(record, CommandRecord)
    assert (record.outcome, record.code) == (Outcome.NOT_SENT, "cancelled")
    assert "run.cleanup()" in record.reason


async def test_a_bench_that_is_cancelled_from_outside_lets_the_clean_up_ask_its_instruments(
    patient_bench: PatientBench,
    tmp_path: Path,
) -> None:
    """OT-12: it ends its body before them."""
    log, gate = tmp_path / "run.jsonl", Gate()

    def procedure(run: Run) -> None:
        gate.reached.set()
        try:
            run.bench["patient"].dwell()
        finally:
            with run.cleanup():
                run.sleep(0.05)
                run.bench["patient"].add(1.0, 1.0)

    with trio.move_on_after(10) as around:
        async with patient_bench() as bench, trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _() -> None:
                await gate.wait_reached()
                await trio.sleep(0.05)
                around.cancel("the power goes")

            await run_procedure(bench, procedure, log=log)
    run = whole(log, How.CANCELLED)
    cut, off = run.records

    assert around.cancelled_caught
    assert isinstance(cut, CommandRecord)
    assert (cut.command, cut.code) == ("dwell()", "cancelled")
    assert isinstance(off, CommandRecord)
    assert (off.command, off.outcome, off.value) == ("add(1.0, 1.0)", Outcome.DONE, 2.0)
    assert run.end is not None
    assert run.end.reason == "the power goes"


async def test_a_clean_up_does_not_outlast_the_grace(patient_bench: PatientBench, tmp_path: Path) -> None:
    """OT-6, P17."""
    log, told = tmp_path / "run.jsonl", threading.Event()

    def procedure(run: Run) -> None:
        try:
            run.sleep(60)
        finally:
            with run.cleanup():
                try:
                    run.bench["patient"].dwell()
                finally:
                    told.set()

    async with patient_bench() as bench:
        with trio.move_on_after(0.05), pytest.raises(RunAbandoned):
            await run_procedure(bench, procedure, log=log, grace=0.1)
        assert await trio.to_thread.run_sync(told.wait, 5)
    whole(log, How.ABANDONED)


async def test_one_that_does_not_end_is_abandoned_and_named_and_the_bench_stops(
    patient_bench: PatientBench, tmp_path: Path
) -> None:
    """OT-6, P17: its thread runs on, and reaches nothing any more."""
    log, gate, told = tmp_path / "run.jsonl", Gate(), list[str]()
    steps: list[Callable[[Run], object]] = [
        lambda run: run.report("late"),
        lambda run: run.sleep(0),
        lambda run: run.call(trio.sleep, 0),
        lambda run: run.bench["patient"].add(1.0, 1.0),
    ]

    def stubborn(run: Run) -> None:
        run.report("begins")
        gate.stop()
        for step in steps:
            with run.cleanup(), pytest.raises(RunCancelled):
                step(run)
            told.append("told")

    try:
        async with patient_bench() as bench:
            with (
                trio.move_on_after(0.05),
                pytest.raises(RunAbandoned, match=r"'run .*stubborn' is at .*in stop"),
            ):
                await run_procedure(bench, stubborn, log=log, grace=0.1)
        text = log.read_text()
        end = whole(log, How.ABANDONED).end
    finally:
        gate.opened.set()
    while len(told) < len(steps):  # noqa: ASYNC110 - a thread is waited for
        await trio.sleep(0.001)

    assert log.read_text() == text
    assert end is not None
    assert "in stop" in end.reason
    assert end.code == "run-abandoned"


async def test_what_cannot_be_cancelled_is_left_behind_and_holds_up_no_end(
    patient_bench: PatientBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OT-6, P17: a call into C, in a thread of trio's; the bench stops while it goes on."""
    monkeypatch.setattr("labtroupe.runs._calls._MOMENT", 0.05)
    log, gate, told = tmp_path / "run.jsonl", Gate(), threading.Event()

    def stubborn(run: Run) -> None:
        try:
            run.call(trio.to_thread.run_sync, gate.stop)
        finally:
            told.set()

    try:
        async with patient_bench() as bench:
            with trio.move_on_after(0.05), pytest.raises(RunAbandoned, match=r"is at .*in stubborn"):
                await run_procedure(bench, stubborn, log=log, grace=0.05)
        end = whole(log, How.ABANDONED).end
        assert not told.is_set()
    finally:
        gate.opened.set()
    assert await trio.to_thread.run_sync(told.wait, 5)

    assert end is not None
    assert end.code == "run-abandoned"


async def test_what_a_thread_has_under_way_at_the_end_has_the_grace_to_clean_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OT-6: also where nobody has cancelled the run."""
    monkeypatch.setattr("labtroupe.runs._calls._MOMENT", 0.0)
    log, done, helpers = tmp_path / "run.jsonl", list[str](), list[threading.Thread]()
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.05)
            done.append("cleaned up")

    def help_out(run: Run) -> None:
        with pytest.raises(RunCancelled):
            run.call(work)

    def procedure(run: Run) -> None:
        helpers.append(threading.Thread(target=help_out, args=[run]))
        helpers[0].start()
        assert begun.wait(5)

    with trio.fail_after(10):
        await run_procedure(Unasked(), procedure, log=log)
        assert done == ["cleaned up"]
        await trio.to_thread.run_sync(helpers[0].join, 5)
    whole(log, How.DONE)


async def test_one_that_was_cancelled_before_it_began_leaves_no_log(
    patient_bench: PatientBench, tmp_path: Path
) -> None:
    """OT-9."""
    log = tmp_path / "run.jsonl"
    async with patient_bench() as bench:
        with trio.CancelScope() as scope:
            scope.cancel()
            await run_procedure(bench, lambda _: None, log=log)
    assert not log.exists()


async def test_what_was_done_when_the_cancellation_came_is_done(
    patient_bench: PatientBench, tmp_path: Path
) -> None:
    """OT-5: nobody is told that it was cancelled."""
    log, gate = tmp_path / "run.jsonl", Gate()

    def procedure(_: Run) -> str:
        gate.stop()
        return "result"

    async with patient_bench() as bench, trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _() -> None:
            await gate.wait_reached()
            scope.cancel()
            await trio.sleep(0.02)
            gate.opened.set()

        with trio.CancelScope() as scope:
            assert await run_procedure(bench, procedure, log=log) == "result"
    whole(log, How.DONE)


async def test_the_threads_of_a_procedure_report_too_until_the_run_is_over(
    patient_bench: PatientBench, tmp_path: Path
) -> None:
    """OT-2, OT-6: then they are told to end."""
    log, told = tmp_path / "run.jsonl", list[BaseException]()
    helpers: list[threading.Thread] = []
    meeting = threading.Barrier(4)

    def help_out(run: Run, number: int) -> None:
        try:
            run.report("helped", helper=number)
            meeting.wait(5)
            endlessly(lambda: run.report("helped", helper=number))
        except RunCancelled as error:
            told.append(error)

    def procedure(run: Run) -> None:
        helpers.extend(
            threading.Thread(target=help_out, args=[run, number], daemon=True) for number in range(3)
        )
        for helper in helpers:
            helper.start()
        meeting.wait(5)

    async with patient_bench() as bench:
        await run_procedure(bench, procedure, log=log)
    for helper in helpers:
        await trio.to_thread.run_sync(helper.join, 5)

    assert {each["helper"] for each in reports(whole(log, How.DONE))} == {0, 1, 2}
    assert [str(each) for each in told] == ["the run is over"] * 3


async def test_several_run_at_once_each_with_its_own_log(tmp_path: Path) -> None:
    """OT-2: more of them than trio has threads for everybody."""
    meeting = threading.Barrier(50)

    def procedure(run: Run, number: int) -> None:
        meeting.wait(10)
        run.report("met", number=number)

    async def run_one(number: int, log: Path) -> None:
        await run_procedure(Unasked(), procedure, number, log=log)

    logs = [tmp_path / f"{number}.jsonl" for number in range(50)]
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for number, log in enumerate(logs):
                nursery.start_soon(run_one, number, log)

    assert [reports(whole(log, How.DONE)) for log in logs] == [[{"number": n}] for n in range(50)]


async def test_when_the_bench_gives_up_the_run_is_cancelled_with_its_log_whole(
    patient_bench: PatientBench, patient: Double[Patient], tmp_path: Path
) -> None:
    """OT-5, S6: and what comes out is why."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> None:
        with pytest.raises(CommandCrashed):
            run.bench["patient"].dwell()
        run.sleep(60)

    patient.when(Patient.dwell()).crash()
    with pytest.raises(RestartLimitError):
        async with patient_bench("critical = true\nrestart = { max_restarts = 0 }\n") as bench:
            await run_procedure(bench, procedure, log=log)
    end = whole(log, How.CANCELLED).end

    assert end is not None
    assert "RestartLimitError" in end.reason


def test_ctrl_c_ends_the_procedure_and_comes_out_when_the_log_is_whole(tmp_path: Path) -> None:
    """OT-5: also a second one while that is awaited."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            run.sleep(60)
        finally:
            with run.cleanup():
                signal.raise_signal(signal.SIGINT)
                run.sleep(0.05)
                run.report("switched off")

    async def main() -> None:
        with trio.fail_after(10):
            await run_procedure(Unasked(), procedure, log=log)

    with pytest.raises(KeyboardInterrupt):
        trio.run(main, restrict_keyboard_interrupt_to_checkpoints=True)
    run = whole(log, How.CANCELLED)

    assert [getattr(each, "name", "") for each in run.records] == ["switched off"]
    assert run.end is not None
    assert run.end.reason == "Ctrl-C"


def test_ctrl_c_that_meets_an_instrument_ends_the_procedure_which_has_it_back_to_clean_up(
    patient_bench: PatientBench,
    patient: Double[Patient],
    tmp_path: Path,
) -> None:
    """OT-5, OT-12: its command is lost, its next life does what the clean-up asks."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> None:
        try:
            with suppress(CommandCrashed):
                run.bench["patient"].dwell()
            run.sleep(60)
        finally:
            with run.cleanup():
                run.bench["patient"].add(1.0, 1.0)

    def press() -> None:
        signal.raise_signal(signal.SIGINT)

    async def main() -> None:
        patient.when(Patient.dwell()).calls(press)
        async with patient_bench("backoff = { first = 0.01 }\n") as bench:
            await run_procedure(bench, procedure, log=log)

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    run = whole(log, How.CANCELLED)
    lost, off = run.records

    assert isinstance(lost, CommandRecord)
    # Whether it hears of that or of the cancellation first is not fixed.
    assert lost.code in {"crashed", "cancelled"}
    assert isinstance(off, CommandRecord)
    assert (off.outcome, off.value) == (Outcome.DONE, 2.0)
    assert run.end is not None
    assert run.end.reason == "Ctrl-C"


async def test_a_run_that_cannot_have_a_thread_ends_its_log_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OT-9."""
    log = tmp_path / "run.jsonl"

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("labtroupe.runs._thread.ProcedureThread.start", refuse)
    with trio.fail_after(5), pytest.raises(RuntimeError, match="new thread"):
        await run_procedure(Unasked(), lambda _: None, log=log)
    end = whole(log, How.CRASHED).end

    assert end is not None
    assert end.reason == "RuntimeError: can't start new thread"


async def test_who_looks_on_sees_each_record_once_it_is_written(tmp_path: Path) -> None:
    """OT-1: in trio, and in order."""
    log, seen = tmp_path / "run.jsonl", list[Record]()

    def procedure(run: Run) -> None:
        for number in range(100):
            run.report("step", number=number)

    def look(record: Record) -> None:
        assert trio.lowlevel.in_trio_run()
        seen.append(record)
        assert log.read_bytes().count(b"\n") >= len(seen)

    with trio.fail_after(5):
        await run_procedure(Unasked(), procedure, log=log, on_record=look)
    run = whole(log, How.DONE)

    assert seen == [run.begin, *run.records, run.end]


@pytest.mark.parametrize(
    "error", [LookupError("seen enough"), SystemExit("seen enough")], ids=["error", "exit"]
)
@pytest.mark.parametrize("kind", [Begin, Report, End])
async def test_an_error_of_who_looks_on_ends_the_run_and_comes_out(
    tmp_path: Path, kind: type[Record], error: BaseException
) -> None:
    """OT-5: with the log whole."""
    log, told = tmp_path / "run.jsonl", list[BaseException]()

    def procedure(run: Run) -> None:
        try:
            run.report("step")
            if kind is Report:
                run.sleep(10)
        except RunCancelled as cancelled:
            told.append(cancelled)
            raise

    def look(record: Record) -> None:
        if record.__class__ is kind:
            raise error

    with trio.fail_after(5), pytest.raises(type(error), match="seen enough"):
        await run_procedure(Unasked(), procedure, log=log, on_record=look)
    whole(log, How.DONE if kind is End else How.CANCELLED)

    assert len(told) == (kind is Report)


async def test_a_run_that_fails_itself_ends_its_log_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OT-4, OT-9: where what writes the log has a bug; the procedure is told to end."""
    log, told = tmp_path / "run.jsonl", threading.Event()

    def procedure(run: Run) -> None:
        run.report("step")
        try:
            run.sleep(60)
        finally:
            told.set()

    def crash(_: bytes) -> Record:
        raise AssertionError("a bug")

    monkeypatch.setattr("labtroupe.runs._conduct.decode", crash)
    with trio.fail_after(5), pytest.raises(AssertionError, match="a bug"):
        await run_procedure(Unasked(), procedure, log=log, on_record=lambda _: None)
    whole(log, How.CRASHED)

    assert await trio.to_thread.run_sync(told.wait, 5)


async def test_trio_does_not_wait_for_itself(patient_bench: PatientBench, tmp_path: Path) -> None:
    """OT-2: where a procedure has handed its run to something async."""

    async def ask_again(run: Run) -> None:
        for ask in (lambda: run.call(trio.sleep, 0), lambda: run.bench["patient"].add(1.0, 1.0)):
            with pytest.raises(RuntimeError, match="trio"):
                ask()
        run.report("asked")

    log = tmp_path / "run.jsonl"
    async with patient_bench() as bench:
        await run_procedure(bench, lambda run: run.call(ask_again, run), log=log)
    whole(log, How.DONE)


async def test_a_procedure_cannot_cancel_itself(patient_bench: PatientBench, tmp_path: Path) -> None:
    """OT-5: what passes through every scope of trio does not come out of it."""
    log = tmp_path / "run.jsonl"

    def procedure(_: Run) -> None:
        raise RunCancelled

    async with patient_bench() as bench:
        with pytest.raises(RuntimeError, match="by the procedure itself"):
            await run_procedure(bench, procedure, log=log)
    whole(log, How.FAILED)


async def test_an_async_function_is_no_procedure(patient_bench: PatientBench, tmp_path: Path) -> None:
    async def procedure(_: Run) -> None:
        """Do nothing."""

    async with patient_bench() as bench:
        with pytest.raises(TypeError, match="plain function"):
            await run_procedure(bench, procedure, log=tmp_path / "run.jsonl")  # type: ignore[unused-coroutine]  # is found


async def test_what_is_reported_is_what_it_was_then_and_never_fails(
    patient_bench: PatientBench, tmp_path: Path
) -> None:
    """OT-4: whatever it is."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> None:
        values = [1]
        run.report("list", it=values)
        values.append(2)
        run.report("odd \ud800", it={(1, 2): 3}, half="\ud800", huge=10**30, kind=How.DONE, thing=object)
        values.append(values)  # type: ignore[arg-type]
        run.report("endless", it=values)

    async with patient_bench() as bench:
        await run_procedure(bench, procedure, log=log)
    first, second, third = reports(whole(log, How.DONE))

    assert first == {"it": [1]}
    assert second == {
        "it": "{(1, 2): 3}",
        "half": "'\\ud800'",
        "huge": 10**30,
        "kind": "done",
        "thing": str(object),
    }
    assert third == {"it": "[1, 2, [...]]"}


async def test_a_loop_that_is_busy_does_not_hold_up_a_procedure(
    patient_bench: PatientBench, tmp_path: Path
) -> None:
    """OT-1: and what was reported meanwhile is in the log, in order, when the run is over."""
    log = tmp_path / "run.jsonl"

    def procedure(run: Run) -> float:
        run.call(trio.lowlevel.checkpoint)
        gate.stop()
        before = time.perf_counter()
        for number in range(300):
            run.report("step", number=number)
        return time.perf_counter() - before

    gate = Gate()
    took: list[float] = []
    async with patient_bench() as bench, trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _() -> None:
            took.append(await run_procedure(bench, procedure, log=log))

        await gate.wait_reached()
        gate.opened.set()
        time.sleep(0.3)  # noqa: ASYNC251 - that is what is tested

    assert took[0] < 0.25
    assert [each["number"] for each in reports(whole(log, How.DONE))] == list(range(300))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    after=st.floats(0, 0.02),
    pause=st.sampled_from([0.0, 0.0005, 0.003]),
    how=st.sampled_from(["cancel", "fail"]),
)
def test_whenever_it_ends_its_log_has_all_it_has_reported_and_one_end(
    tmp_path_factory: pytest.TempPathFactory, after: float, pause: float, how: str
) -> None:
    """OT-4, OT-5, OT-8: at whatever moment it is cancelled or fails."""
    folder = tmp_path_factory.mktemp("run")
    log, sent = folder / "run.jsonl", list[int]()

    def procedure(run: Run) -> None:
        until = time.monotonic() + after
        for number in range(100_000):
            run.report("step", number=number)
            sent.append(number)
            run.sleep(pause)
            if how == "fail" and time.monotonic() > until:
                raise ValueError("as it was to be")

    async def main() -> None:
        with trio.fail_after(10), trio.move_on_after(after if how == "cancel" else 10):
            await run_procedure(Unasked(), procedure, log=log)

    if how == "fail":
        with pytest.raises(ValueError, match="as it was"):
            trio.run(main)
        run = whole(log, How.FAILED)
    else:
        trio.run(main)
        if not log.exists():
            assert sent == []
            return
        run = whole(log, How.CANCELLED)
    assert [each["number"] for each in reports(run)] == sent
