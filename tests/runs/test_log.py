"""The log of a run: what is in it whatever happens to the disk, the computer, or the file."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import trio

from labtroupe import Outcome
from labtroupe.errors import RunLogError
from labtroupe.runs import Begin, CommandRecord, End, How, Report, Run, RunCancelled, read_run, run_procedure

from ._beds import Unasked, reports, whole

Write = Callable[[int, bytes], int]


@attrs.define(eq=False)
class Disk:
    """A disk that takes so many bytes and no more, and at most a few at a time.

    Attributes:
        room: Bytes that it takes still.
        pause: Seconds that each write takes.
    """

    real: Write
    room: float = float("inf")
    pause: float = 0.0

    def write(self, fd: int, data: bytes) -> int:
        """Write some of it."""
        time.sleep(self.pause)
        piece = bytes(data[: int(min(self.room, 100))])
        if not piece:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(piece)
        return self.real(fd, piece)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The disk under all logs."""
    disk = Disk(os.write)
    monkeypatch.setattr("labtroupe.runs._log.write", disk.write)
    return disk


async def run(procedure: Callable[[Run], object], log: Path) -> None:
    """Run a procedure that asks no instruments."""
    with trio.fail_after(10):
        await run_procedure(Unasked(), procedure, log=log)


def log_files(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return list(folder.iterdir())


def count(run: Run) -> None:
    """Report without end."""
    for number in range(1_000_000):
        run.report("step", number=number)
        run.sleep(0.0001)


async def test_the_log_is_whole_when_the_run_is_over_however_slow_the_disk(
    tmp_path: Path, disk: Disk
) -> None:
    """OT-8, OT-12: ended, closed, drained, and only then is the file closed."""
    log = tmp_path / "run.jsonl"
    disk.pause = 0.002

    def report(run: Run) -> None:
        for number in range(100):
            run.report("step", number=number)

    await run(report, log)

    assert [each["number"] for each in reports(whole(log, How.DONE))] == list(range(100))


async def test_a_full_disk_ends_the_procedure_and_is_an_error(tmp_path: Path, disk: Disk) -> None:
    """OT-4: the log is readable to its last whole line, and says that it has no end."""
    log, told = tmp_path / "run.jsonl", list[str]()
    disk.room = 1010

    def procedure(run: Run) -> None:
        try:
            count(run)
        except RunCancelled as error:
            told.append(str(error))
            raise

    with pytest.raises(RunLogError, match="No space left on device") as caught:
        await run(procedure, log)
    read = read_run(log)

    assert told == [str(caught.value)]
    assert log.stat().st_size == 1010
    assert read.how is How.INTERRUPTED
    assert [each["number"] for each in reports(read)] == list(range(len(read.records)))


async def test_a_disk_that_has_room_again_gets_what_is_missing(tmp_path: Path, disk: Disk) -> None:
    """OT-4: from the very byte on where it was cut, and the end."""
    log = tmp_path / "run.jsonl"
    disk.room = 1010

    def procedure(run: Run) -> None:
        try:
            count(run)
        finally:
            disk.room = float("inf")

    with pytest.raises(RunLogError, match="No space left on device"):
        await run(procedure, log)
    read = whole(log, How.CANCELLED)

    assert read.end is not None
    assert "No space left" in read.end.reason
    assert [each["number"] for each in reports(read)] == list(range(len(read.records)))


async def test_the_error_of_the_procedure_goes_before_that_of_the_log(tmp_path: Path, disk: Disk) -> None:
    """OT-5: neither is lost."""
    disk.room = 1010

    def procedure(run: Run) -> None:
        try:
            count(run)
        except RunCancelled:
            raise ValueError("too hot") from None

    with pytest.raises(ValueError, match="too hot") as caught:
        await run(procedure, tmp_path / "run.jsonl")
    (note,) = caught.value.__notes__

    assert "No space left on device" in note


async def test_a_log_that_nobody_can_end_is_closed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OT-4: and that is an error; that no file is left open is checked after each test."""
    log = tmp_path / "run.jsonl"

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("labtroupe.runs._log.RunLog.finish", refuse)
    with pytest.raises(RuntimeError, match="new thread"):
        await run(lambda _: None, log)

    assert read_run(log).how is How.INTERRUPTED


async def test_without_a_log_nothing_begins(tmp_path: Path, disk: Disk) -> None:
    """OT-9: and nothing is left of it."""
    begun: list[Run] = []
    disk.room = 50
    for log in [tmp_path / "run.jsonl", tmp_path / "nowhere" / "run.jsonl", tmp_path]:
        with pytest.raises(RunLogError):
            await run(begun.append, log)

    assert begun == []
    assert not log_files(tmp_path)


async def test_a_log_replaces_nothing(tmp_path: Path) -> None:
    """OT-4."""
    log = tmp_path / "run.jsonl"
    await run(lambda _: None, log)
    before = log.read_text()
    with pytest.raises(RunLogError, match="already"):
        await run(lambda _: None, log)

    assert log.read_text() == before


BEGIN = '{"kind":"begin","time":1.0,"procedure":"a:b","args":[],"kwargs":{},"bench":"c","version":"d"}\n'
REPORT = '{"kind":"report","time":1.0,"name":"step","data":{}}\n'
END = '{"kind":"end","time":1.0,"how":"done","records":%d,"reason":"","code":""}\n'


@pytest.mark.parametrize(
    ("text", "how", "records"),
    [
        (BEGIN, How.INTERRUPTED, 0),
        (BEGIN + REPORT, How.INTERRUPTED, 1),
        (BEGIN + REPORT + REPORT[:-1], How.INTERRUPTED, 1),
        (BEGIN + REPORT + END[:20], How.INTERRUPTED, 1),
        (BEGIN + REPORT + END % 2, How.DONE, 1),
    ],
)
def test_a_log_is_read_up_to_its_last_whole_line(tmp_path: Path, text: str, how: How, records: int) -> None:
    """OT-4."""
    (tmp_path / "run.jsonl").write_text(text)
    read = read_run(tmp_path / "run.jsonl")

    assert read.how is how
    assert len(read.records) == records


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "does not say what ran"),
        (REPORT, "does not say what ran"),
        (BEGIN + "gone\n" + REPORT, "line 2"),
        (BEGIN + END % 2, "changed"),
        (BEGIN + END % 1 + REPORT, "changed"),
        (BEGIN + BEGIN, "changed"),
    ],
)
def test_what_is_no_log_of_a_run_is_not_read_as_one(tmp_path: Path, text: str, match: str) -> None:
    """OT-4."""
    (tmp_path / "run.jsonl").write_text(text)
    with pytest.raises(RunLogError, match=match):
        read_run(tmp_path / "run.jsonl")
    with pytest.raises(RunLogError, match="No such file"):
        read_run(tmp_path / "other.jsonl")


def test_the_page_about_the_log_shows_one_and_lists_all_it_may_say(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/run-log.md").read_text()
    (example,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "run.jsonl").write_text(example)
    run = read_run(tmp_path / "run.jsonl")
    assert run.end is not None
    shown = [run.begin, *run.records, run.end]

    assert {type(each) for each in shown} == {Begin, CommandRecord, Report, End}
    for record in shown:
        assert all(f"`{field}`" in page for field in record.__struct_fields__)
    assert all(f"`{how}`" in page for how in How)


SCRIPT = """
import signal, sys
import trio
from labtroupe import open_bench
from labtroupe.runs import run_procedure

def procedure(run):
    try:
        for number in range(1_000_000):
            run.report("step", number=number)
            run.sleep(0.001)
    finally:
        with run.cleanup():
            run.bench["heater"].stop()

# As docs/how-to/run-a-script.md has it.
async def cancel_at_signal(scope):
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            scope.cancel(signal.Signals(number).name)

async def main():
    async with open_bench(sys.argv[2]) as bench, trio.open_nursery() as nursery:
        nursery.start_soon(cancel_at_signal, nursery.cancel_scope)
        with trio.fail_after(20):
            await run_procedure(bench, procedure, log=sys.argv[1])

trio.run(main)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_is_ended_leaves_all_it_has_reported(tmp_path: Path, number: signal.Signals) -> None:
    """OT-4, OT-5: if it is told to, it cleans up first; if it is killed, its log has no end."""
    log = tmp_path / "run.jsonl"
    bench = tmp_path / "bench.toml"
    bench.write_text('[instruments.heater]\nkind = "linkam-t95"\naddress = "sim:linkam-t95"\n')
    command = [sys.executable, "-c", SCRIPT, str(log), str(bench)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own
        until = time.monotonic() + 20
        while time.monotonic() < until and (not log.exists() or log.read_bytes().count(b"\n") < 20):
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(10) in {0, -number}
    read = read_run(log)
    numbers = [each["number"] for each in reports(read)]

    assert len(numbers) >= 19
    assert numbers == list(range(len(numbers)))
    if number is signal.SIGKILL:
        assert read.how is How.INTERRUPTED
    else:
        assert read.end is not None
        assert (read.how, read.end.reason) == (How.CANCELLED, number.name)
        assert isinstance(last := read.records[-1], CommandRecord)
        assert last.outcome is Outcome.DONE
