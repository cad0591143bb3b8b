"""Carries out a history on the mock clock, the same way each time, and returns the record of it."""

from __future__ import annotations

import gc
import itertools
import logging
import signal
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from random import Random
from types import FrameType
from typing import Final

import attrs
import trio
from trio._core import _run as trio_run
from trio.testing import MockClock

from ._record import Record
from ._script import History
from ._stage import Stage

# Seconds of virtual time in which every history is long over.
_LONG: Final = 5000.0
# Seconds of processor time; a history takes some milliseconds.
_PROCESSOR: Final = 2.0


class Hung(BaseException):
    """The history does not come to an end."""


def play(history: History) -> Record:
    """Carry out a history, and return what happened."""
    record = Record(history)
    try:
        with _scheduled_by(history.schedule), _limited_processor_time(), _without_a_log():
            clock = MockClock(autojump_threshold=0)
            trio.run(partial(_main, record, clock), clock=clock, instruments=[_Turns(record)])
    except (Hung, trio.TrioInternalError, BaseExceptionGroup) as error:
        _forget_tasks()
        record.violations.append(f"P17: it does not end: {error!r}")
    return record


@contextmanager
def _without_a_log() -> Generator[None]:
    """Crashes are logged with their tracebacks, and here most of them are meant."""
    logger = logging.getLogger("labtroupe.supervision")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


async def _main(record: Record, clock: MockClock) -> None:
    tasks = trio.lowlevel.current_statistics().tasks_living
    stage = Stage(record, clock.jump)
    with trio.move_on_after(_LONG) as bound:
        async with trio.open_nursery() as outside:
            await stage.run(outside)
    if bound.cancel_called:
        record.violate("P17: it does not end")
    left = trio.lowlevel.current_statistics().tasks_living - tasks
    if left:
        record.violate(f"P19: {left} tasks are left")
    stage.look_back()


@attrs.define(eq=False)
class _Turns(trio.abc.Instrument):
    """Counts the passes of trio's scheduler."""

    record: Record

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - as trio calls it
        """Begin another one."""
        self.record.turn += 1


@contextmanager
def _scheduled_by(seed: int) -> Generator[None]:
    """Let a seed decide what trio leaves to chance, or to where in memory something is."""
    # This much trio's own support of Hypothesis does too.
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    trio_run._r.seed(seed)
    # Of several deadlines at the same moment, the first is that of the scope with the lowest `id`.
    chance = Random(seed)  # noqa: S311 - repeatable, not secret
    places = itertools.count()

    def place(_: object) -> int:
        return (chance.randrange(1 << 30) << 30) + next(places)

    setattr(trio_run, "id", place)  # noqa: B010 - it has none of its own
    try:
        yield
    finally:
        delattr(trio_run, "id")


@contextmanager
def _limited_processor_time() -> Generator[None]:
    """Raise `Hung` in the midst of what goes on for ever, be it trio's own loop.

    A shielded task that hangs keeps the mock clock busy: no scope can end it.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hung

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _PROCESSOR, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _forget_tasks() -> None:
    """Collect the tasks of a run that was broken off, each of which complains."""
    trio_run.GLOBAL_RUN_CONTEXT.__dict__.clear()
    hook, sys.unraisablehook = sys.unraisablehook, _say_nothing
    try:
        with warnings.catch_warnings(action="ignore"):
            gc.collect()
    finally:
        sys.unraisablehook = hook


def _say_nothing(_: object) -> None:
    """Do not complain about what is meant."""
