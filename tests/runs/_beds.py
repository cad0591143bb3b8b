"""Benches and procedures for the tests of runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import attrs
import trio

from labtroupe import Bench, Instrument, command
from labtroupe.runs import How, RecordedRun, Report, read_run


@attrs.define(eq=False)
class Patient(Instrument):
    """Is only stood in for."""

    @command
    async def add(self, a: float, b: float) -> float:
        """Add two numbers."""
        raise NotImplementedError

    @command(timeout=60)
    async def dwell(self) -> None:
        """Take its time."""


PatientBench = Callable[..., AbstractAsyncContextManager[Bench]]
"""Runs a bench with a patient: the fixture of this name."""


class Unasked(Bench):
    """A bench that nobody asks for anything."""

    name = "unasked"  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __init__(self) -> None:
        """Have nothing."""


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
