"""Benches and procedures for the tests of runs."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from labtroupe import Bench, Instrument, command, open_bench
from labtroupe.errors import CommandRefused
from labtroupe.runs import How, RecordedRun, Report, read_run

NAME = "runs_test_kind"


@attrs.define(eq=False)
class Patient(Instrument):
    """Does what takes its time, and notes when it is cut off."""

    cut: list[str] = attrs.field(factory=list[str], init=False)

    @command
    async def add(self, a: float, b: float) -> float:
        """Add two numbers."""
        return a + b

    @command(timeout=60)
    async def dwell(self) -> None:
        """Take a minute."""
        try:
            await trio.sleep(60)
        except trio.Cancelled:
            self.cut.append("dwell")
            raise

    @command
    async def cuts(self) -> list[str]:
        """Return what was cut off."""
        return self.cut

    @command
    async def refuse(self) -> None:
        """Say no."""
        raise CommandRefused("not today")

    @command
    async def be_interrupted(self) -> None:
        """Be what a Ctrl-C meets."""
        signal.raise_signal(signal.SIGINT)

    @command
    async def crash(self) -> None:
        """Crash."""
        raise OSError("broken")


class Unasked(Bench):
    """A bench that nobody asks for anything."""

    name = "unasked"  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __init__(self) -> None:
        """Have nothing."""


@asynccontextmanager
async def patient_bench(folder: Path, more: str = "") -> AsyncGenerator[Bench]:
    """Run a bench with one instrument, for not longer than a test may take."""
    sys.modules[NAME] = sys.modules[__name__]
    path = folder / "bench.toml"
    path.write_text(f'[instruments.patient]\nkind = "{NAME}:Patient"\naddress = "sim:scpi"\n{more}')
    with trio.fail_after(20):
        async with open_bench(path) as bench:
            yield bench


def whole(log: Path, how: How) -> RecordedRun:
    """Return what a log says; it has one end, which says how, in its last line."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    kinds = [line["kind"] for line in lines]
    assert kinds[0] == "begin"
    assert kinds[-1] == "end"
    assert kinds.count("begin") == kinds.count("end") == 1
    assert lines[-1]["how"] == how, lines[-1]
    return read_run(log)


def reports(run: RecordedRun) -> Sequence[Any]:
    """Return the data of each report."""
    return [each.data for each in run.records if isinstance(each, Report)]


@attrs.define(eq=False)
class Gate:
    """Where a thread waits until a test lets it go on, which knows that it is there."""

    reached: threading.Event = attrs.field(factory=threading.Event)
    opened: threading.Event = attrs.field(factory=threading.Event)

    def stop(self) -> None:
        """Wait in a thread, without looking left or right."""
        self.reached.set()
        assert self.opened.wait(10)

    async def wait_reached(self) -> None:
        """Wait until a thread is there."""
        while not self.reached.is_set():  # noqa: ASYNC110 - a thread that knows nothing of trio
            await trio.sleep(0.001)
