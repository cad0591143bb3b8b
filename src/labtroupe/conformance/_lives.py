"""Checks of how a driver starts, stops, and gets over the loss of its device."""

from __future__ import annotations

import gc
import math
import threading
import time
from pathlib import Path
from typing import Final

import attrs
import trio

from labtroupe.conformance._check import check
from labtroupe.conformance._finding import GRACE, Asked, NotDeclared, Shortfall
from labtroupe.conformance._port import Port
from labtroupe.conformance._trial import CLOSE, Ground, Trial
from labtroupe.instrument import Instrument
from labtroupe.lifecycle import State
from labtroupe.messages import DeviceReturned

_START: Final = (
    "Read the error: either the driver's own code is wrong, or driver and simulator do not speak the same "
    "protocol, or the device is slower than is declared with `timeout`, `lateness` and `greeting_timeout`."
)
_ASK_IT: Final = "Give another probe: with one that does not reach the device each time nothing can be tried."

# Seconds within which a pulled cable is noticed, with nothing asked.
_NOTICED: Final = 0.2
_CYCLES: Final = 10
# Seconds for which a device that is not well stays so.
_WHILE: Final = 10.0
# Seconds for which one step of the driver's code may hold up all others, and how often it may be
# tried: another program can take the processor away, but not each time.
_LONGEST_STEP: Final = 0.03
_TRIES: Final = 4


@check(fix=_START)
async def start(ground: Ground) -> str:
    """It starts, and answers."""
    async with ground.trial() as trial:
        await trial.wait_running()
        await _see_asked(trial)
        asked = await _see_asked(trial)
    return f"{asked.message!r} gave {type(asked.value).__name__}"


@check(fix=CLOSE)
async def failed_start(ground: Ground) -> str:
    """A start that fails closes the port, and the next one works."""
    for prepare in (_absent, _taken, _silent, _breaking):
        async with ground.trial(prepare=prepare) as trial:
            await _see_closed_between_starts(trial)
            trial.port.clear()
            await trial.wait_well()
    return "with nothing there, a port that is taken, nobody answering, a connection that breaks"


@check(
    fix="Do not catch `LinkLost`: it ends this life of the driver, and the supervisor begins "
    "another when the device "
    "is back. What overrides `on_start` must leave the link in step, so that it is listened to."
)
async def unplug(ground: Ground) -> str:
    """A pulled cable is noticed at once, and a device that is back is used again."""
    async with ground.trial() as trial:
        await trial.wait_well()
        trial.port.inject("unplug")
        await trio.sleep(_NOTICED)
        if trial.cell.state is State.RUNNING:
            raise Shortfall(f"{_NOTICED:g} s after the cable was pulled it was still called running")
        trial.port.clear()
        await trial.wait_well()
        trial.port.inject("mute")
        reply = trial.send()
        await trio.sleep(GRACE / 100)
        trial.port.inject("unplug")
        await trio.sleep(_WHILE)
        if reply.ended and reply.error is None:
            raise Shortfall(f"{reply.message!r} gave {reply.value!r}, although the cable was out")
        trial.port.clear()
        await trial.wait_well()
        reply.cancel()
    return "at rest and in the middle of an exchange"


@check(
    fix=f"{CLOSE} Open it with what the link is given, in each life anew: the device may be at another place."
)
async def replug(ground: Ground) -> str:
    """A device that is back at another place is used there, and its old place is let go."""
    async with ground.trial() as trial:
        for prepare in (_well, _silent):
            await trial.wait_well()
            prepare(trial.port)
            reply = trial.send()
            await trio.sleep(GRACE / 100)
            # Before anybody has looked, so that it was never away; and for a while.
            for seconds in ("1ms", f"{GRACE}s"):
                trial.port.inject("replug", seconds)
                await trio.sleep(GRACE)
            trial.port.clear()
            await trial.wait_well()
            reply.cancel()
    return "at rest and in the middle of an exchange"


@check(fix="Leave `on_start` of the base to be called, which looks whether the device is as it was left.")
async def power_cycle(ground: Ground) -> str:
    """A device that was switched off is used again, and its return is told."""
    async with ground.trial() as trial:
        await trial.wait_well()
        trial.port.inject("power-cycle", f"{GRACE}s")
        await trio.sleep(GRACE)
        await trial.wait_well()
        if not any(isinstance(each, DeviceReturned) for each in trial.events):
            raise Shortfall("no event says that the device was away and is back")
    if ground.subject.instrument_type.has_forgotten is Instrument.has_forgotten:
        raise NotDeclared(
            "used again, but nobody can say whether it has lost its settings",
            "Declare `has_forgotten` if the device can tell, so that a lost cable is not taken for "
            "lost settings.",
        )
    return "used again, and asked whether it has lost its settings"


@check(fix=CLOSE)
async def stop(ground: Ground) -> str:
    """It stops in time from every state, twice too, and closes its port."""
    async with ground.trial() as trial:
        for prepare in (_well, _silent, _absent, _hanging):
            await trial.wait_well()
            prepare(trial.port)
            reply = trial.send()
            # Long enough for what the driver does by itself.
            await trio.sleep(_WHILE)
            await trial.stop()
            await trial.stop()
            reply.cancel()
            trial.port.clear()
            trial.start()
    return "at rest, waiting for an answer, without a device, and while sending"


@check(
    fix=(
        f"{CLOSE} Threads and files of your own belong into `on_stop`, or better into a `@background` method."
    )
)
async def leaks(ground: Ground) -> str:
    """Started and stopped again and again, it leaves no file and no thread behind."""
    async with ground.trial() as trial:
        await trial.wait_well()
        await trial.stop()
        before = _held()
        for _ in range(_CYCLES):
            trial.start()
            await trial.wait_well()
            await trial.stop()
        after = _held()
    for what, count in after.items():
        if count - before[what] >= _CYCLES:
            raise Shortfall(f"{_CYCLES} starts left {count - before[what]} {what} behind")
    return f"{_CYCLES} times"


@check(
    fix="Wait with `await trio.sleep(...)`, and leave waiting for bytes to `self.link`; work that "
    "blocks anyway "
    "belongs into `trio.to_thread.run_sync`."
)
async def blocking(ground: Ground) -> str:
    """It never holds up the other instruments of its bench."""
    longest = math.inf
    for _ in range(_TRIES):
        stopwatch = _Stopwatch()
        trio.lowlevel.add_instrument(stopwatch)
        try:
            async with ground.trial() as trial:
                await trial.wait_well()
                await trial.stop()
        finally:
            trio.lowlevel.remove_instrument(stopwatch)
        longest = min(longest, stopwatch.longest)
        if longest < _LONGEST_STEP:
            return f"no step took longer than {_LONGEST_STEP * 1000:g} ms"
    raise Shortfall(f"all else had to wait for {longest * 1000:.0f} ms")


@attrs.define(eq=False)
class _Stopwatch(trio.abc.Instrument):
    """Measures how long the steps of tasks take, in real time."""

    longest: float = 0.0
    # Until then it does not count: the step in which this is added has begun before.
    _began: float = math.inf

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - any
        self._began = time.perf_counter()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - any
        self.longest = max(self.longest, time.perf_counter() - self._began)


async def _see_asked(trial: Trial) -> Asked:
    """Ask, and see that the device is asked."""
    asked = await trial.ask()
    if asked.error is not None:
        raise Shortfall(f"{asked.message!r} failed: {asked.error}")
    if not trial.port.requests_of(asked.reply):
        raise Shortfall(f"{asked.message!r} was answered without asking the device", _ASK_IT)
    return asked


async def _see_closed_between_starts(trial: Trial) -> None:
    """Watch it start in vain, if it does, and see that the port is closed whenever it waits to try again."""
    give_up = trio.current_time() + 10 * GRACE
    while trio.current_time() < give_up:
        if trial.cell.state is State.BACKOFF:
            trial.check_closed(f"a start that failed ({trial.cell.reason})")
        await trio.sleep(GRACE / 10)


def _well(_: Port) -> None:
    """Let all be well."""


def _absent(port: Port) -> None:
    port.inject("unplug")


def _taken(port: Port) -> None:
    port.inject("refuse")


def _silent(port: Port) -> None:
    port.inject("mute")


def _breaking(port: Port) -> None:
    port.breaks = True


def _hanging(port: Port) -> None:
    port.inject("slow-drain", "1h")


def _held() -> dict[str, int]:
    """Return how many of each kind of thing the process holds."""
    gc.collect()
    folder = Path("/proc/self/fd")
    files = len(list(folder.iterdir())) if folder.is_dir() else 0
    return {"files": files, "threads": threading.active_count()}
