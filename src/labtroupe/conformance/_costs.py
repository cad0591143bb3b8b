"""Checks of what a driver costs all others: what it leaves behind, and for how long it holds them up."""

from __future__ import annotations

import gc
import math
import threading
import time
from pathlib import Path
from typing import Final

import attrs
import trio

from labtroupe.conformance._answers import WITHOUT_FIRST, get_over
from labtroupe.conformance._check import check
from labtroupe.conformance._finding import GRACE, Shortfall
from labtroupe.conformance._subject import Subject
from labtroupe.conformance._trial import CLOSE, Ground, Trial

_CYCLES: Final = 5
# Seconds for which a device is silent, so that a start fails.
_SILENT: Final = 10.0
# Seconds for which one step of the driver's code may hold up all others, and how often it may be
# tried: another program can take the processor away, but not each time at the same place.
_LONGEST_STEP: Final = 0.03
_TRIES: Final = 4


@check(
    fix=(
        f"{CLOSE} What you have begun yourself has to end in `on_stop`, which is called after a start that "
        "has failed, too; or let a `@background` method do it."
    )
)
async def leaks(ground: Ground) -> str:
    """Used, lost and stopped again and again, it leaves no file, no thread and no task behind."""
    async with ground.trial() as trial:
        await trial.wait_well()
        await trial.stop()
        before = _held()
        for _ in range(_CYCLES):
            await _use_up(trial)
        after = _held()
    for what, count in after.items():
        if count - before[what] >= _CYCLES:
            raise Shortfall(f"{_CYCLES} lives left {count - before[what]} {what} behind")
    return f"{_CYCLES} times"


@check(
    fix="Wait with `await trio.sleep(...)`, and leave waiting for bytes to `self.link`; work that blocks "
    "anyway belongs into `trio.to_thread.run_sync`."
)
async def blocking(ground: Ground) -> str:
    """It never holds up the other instruments of its bench."""
    slow: dict[object, tuple[float, str]] | None = None
    for _ in range(_TRIES):
        stopwatch = _Stopwatch(ground.subject)
        trio.lowlevel.add_instrument(stopwatch)
        try:
            async with ground.trial() as trial:
                await _use(trial)
                await trial.halt()
                trial.reset()
                await trial.wait_well()
                await trial.stop()
        finally:
            trio.lowlevel.remove_instrument(stopwatch)
        now = stopwatch.slow
        slow = now if slow is None else {where: min(slow[where], now[where]) for where in slow.keys() & now}
        if not slow:
            return f"no step took longer than {_LONGEST_STEP * 1000:g} ms"
    longest, place = max((slow or {}).values())
    before = f", before {place}" if place else ""
    raise Shortfall(f"all else had to wait for {longest * 1000:.0f} ms{before}")


async def _use_up(trial: Trial) -> None:
    """Let it live: be used, lose its device, stop, and not start."""
    trial.start()
    await _use(trial)
    trial.port.inject("unplug", f"{GRACE}s")
    await trio.sleep(GRACE)
    await trial.wait_well()
    await trial.stop()
    trial.port.inject("mute")
    trial.start()
    await trio.sleep(_SILENT)
    await trial.stop()
    trial.port.clear()


async def _use(trial: Trial) -> None:
    """Ask for all that has an end of its own, and once without getting an answer."""
    await trial.wait_well()
    for message in trial.subject.commands:
        if message.command.timeout < math.inf:
            await trial.ask(message)
    for spoil in WITHOUT_FIRST:
        spoil(trial)
        await get_over(trial)


@attrs.define(eq=False)
class _Stopwatch(trio.abc.Instrument):
    """Measures how long the steps of tasks take, in real time.

    Attributes:
        subject: Whose code it is.
        slow: How long those took that took too long, and where in the code of its class they have ended.
    """

    subject: Subject
    slow: dict[object, tuple[float, str]] = attrs.field(factory=dict[object, tuple[float, str]], init=False)
    # Until then it does not count: the step in which this is added has begun before.
    _began: float = attrs.field(default=math.inf, init=False)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - any
        self._began = time.perf_counter()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        took = time.perf_counter() - self._began
        if took >= _LONGEST_STEP:
            frames = list(task.iter_await_frames())
            where = tuple((frame.f_code, line) for frame, line in frames) or task.name
            self.slow[where] = max((took, self.subject.place(frames)), self.slow.get(where, (0.0, "")))


def _held() -> dict[str, int]:
    """Return how many of each kind of thing the process holds."""
    gc.collect()
    folder = Path("/proc/self/fd")
    files = len(list(folder.iterdir())) if folder.is_dir() else 0
    tasks = trio.lowlevel.current_statistics().tasks_living
    return {"files": files, "threads": threading.active_count(), "tasks": tasks}
