"""Waiting for what a driver does in threads, on a clock that else never waits."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import Final

import attrs
import trio
from trio.testing import MockClock, active_thread_count

PATIENCE: Final = 0.25
"""Real seconds for which a thread is waited for; one at work for longer waits for something itself."""

_WAIT_FOR_THREAD: Final = (trio.to_thread.run_sync.__code__, trio.lowlevel.wait_task_rescheduled.__code__)


@attrs.define(eq=False)
class WaitForThreads(trio.abc.Instrument):
    """Keeps the clock while a thread of `trio.to_thread` is at work, but not for long.

    Attributes:
        clock: The clock; it jumps at once when no thread is at work.
    """

    clock: MockClock
    # Who waits for a thread, and since when, in real time.
    _since: dict[trio.lowlevel.Task, float] = attrs.field(factory=dict[trio.lowlevel.Task, float], init=False)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Look whether the task waits for a thread now."""
        if not self._since and not active_thread_count():
            return
        now = time.perf_counter()
        if _waits_for_thread(task):
            self._since[task] = now
        else:
            self._since.pop(task, None)
        latest = max(self._since.values(), default=-math.inf)
        self.clock.autojump_threshold = max(0.0, latest + PATIENCE - now)


def _waits_for_thread(task: trio.lowlevel.Task) -> bool:
    """Return whether a task waits for a thread, and does not do what that has asked for meanwhile."""
    codes = [frame.f_code for frame, _ in task.iter_await_frames()]
    return any(pair == _WAIT_FOR_THREAD for pair in pairwise(codes))
