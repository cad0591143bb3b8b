"""Checks of what a driver makes of answers that are not as they should be."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Final

import trio

from labtroupe.conformance._check import check
from labtroupe.conformance._cuts import ask_until
from labtroupe.conformance._finding import GRACE, Asked, Shortfall
from labtroupe.conformance._shown import see_untouched, steady
from labtroupe.conformance._trial import RECOVERY, Ground, Trial
from labtroupe.errors import LabtroupeError
from labtroupe.messages import Message

# Seconds by which a late answer is late, unless the driver declares less.
_LATE: Final = 0.3
# Answers of which one byte is another: that may be a value, and none that can be told from a right one.
_GARBLED: Final = 5
# Bytes that come alone, at the end of a longer answer: each takes its while, in real time too.
_MOST_ALONE: Final = 5000
# Seconds of garbage without pause: 4 MB of it.
_FLOOD: Final = 2.5
# Bytes by which a driver may grow meanwhile.
_MOST_KEPT: Final = 1_000_000
# What ends lines is left in, so that something still ends.
_KEPT: Final = b"\r\n"
# What no device says.
_STRAY: Final = b"?!"

_RAISE: Final = (
    "Let the errors of `self.link` pass, and give each exchange a shape check: "
    "`self.link.query(request, accepts)`. Catch nothing that you cannot answer."
)


@check(fix="Put answers together with the framing that the class declares: talk through `self.link` alone.")
async def split(ground: Ground) -> str:
    """An answer that comes byte by byte is one answer."""
    async with ground.trial() as trial:
        await trial.wait_answered()
        said = trial.port.said
        await trial.wait_well()
        alone = trial.port.said - said - _MOST_ALONE
        trial.port.inject("split", "1ms", *([f"said={alone}"] if alone > 0 else []))
        asked = await trial.ask(timeout=RECOVERY)
        if asked.error is not None:
            raise Shortfall(f"with one byte every millisecond, {asked.message!r} failed: {asked.error}")
        trial.port.clear()
        await trial.wait_well()
    return "each byte came alone"


@check(fix=_RAISE)
async def garbled(ground: Ground) -> str:
    """Garbage in place of an answer is an error, and never a value."""
    async with ground.trial() as trial:
        await trial.wait_answered()
        for seed in range(_GARBLED):
            trial.port.inject("garbled", f"seed={seed}")
            await get_over(trial)
        trial.port.spoil = _garble
        await _see_no_value(trial, "all it was told was garbage")
        trial.port.clear()
        await trial.wait_well()
    return "an error each time, and well afterwards"


@check(fix=_RAISE)
async def noise(ground: Ground) -> str:
    """Garbage before an answer does no lasting harm."""
    async with ground.trial() as trial:
        await trial.wait_answered()
        trial.port.inject("noise")
        await get_over(trial)
    return "well afterwards"


@check(fix=_RAISE)
async def stray(ground: Ground) -> str:
    """A frame that answers nothing, before an answer, is not taken for it."""
    async with ground.trial() as trial:
        await trial.wait_answered()
        frame = trial.port.stray = _stray_frame(trial)
        await get_over(trial)
    return f"{frame!r}"


@check(
    fix="Wait for answers through `self.link`, without a time limit and without `except` of your "
    "own: the actor cancels what takes too long, and a value that nobody has sent must not be returned."
)
async def mute(ground: Ground) -> str:
    """A device that does not answer is an error by the deadline, and the driver's work ends with it."""
    async with ground.trial() as trial:
        await trial.wait_answered()
        trial.port.inject("mute")
        asked = await _see_no_value(trial, "the device said nothing")
        asked.check_in_time()
        trial.port.clear()
        await trial.wait_well()
    return "an error by the deadline, and well afterwards"


@check(
    fix="Talk through `self.link`, which does not trust the wire after a timeout, and declare "
    "`resync`: how to get in step again. To drop what has come before writing is not enough: the rest comes "
    "later."
)
async def late(ground: Ground) -> str:
    """An answer that comes too late is never given to another question."""
    async with ground.trial() as trial:
        await trial.wait_answered()
        manners = trial.links[-1].manners
        lateness = min(_LATE, 0.8 * manners.lateness or _LATE)
        before = await steady(trial)
        for wait in (0.0, lateness):
            trial.port.inject("late", f"{lateness:f}s", "times=1")
            reply = await ask_until(trial, lambda reply: bool(trial.port.requests_of(reply)))
            await trial.wait_at_rest(reply)
            await trio.sleep(wait)
            await trial.ask()
            await trial.wait_well()
        see_untouched(trial, before, "when an answer had come too late")
    return f"by {lateness:g} s, asked again at once and after it had come"


@check(
    fix=(
        "Look for input that nobody has asked for before each request, as `self.link` does, and "
        "declare `resync`."
    )
)
async def duplicate(ground: Ground) -> str:
    """An answer that comes twice is not given to the next question."""
    async with ground.trial() as trial:
        await trial.wait_answered()
        for _ in range(3):
            trial.port.inject("duplicate", "times=1")
            await trial.ask()
            await trial.wait_well()
    return "three times"


@check(
    fix="Keep no input of your own: the framing that the class declares has a longest frame, and "
    "what exceeds it is dropped with an error."
)
async def flood(ground: Ground) -> str:
    """Garbage without pause neither holds the driver up nor fills the memory."""
    async with ground.trial() as trial:
        await trial.wait_well()
        trial.port.inject("flood")
        await _ask_for(trial, GRACE)
        trial.port.clear()
        await trial.wait_well()
        began = not tracemalloc.is_tracing()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            trial.port.drowning = True
            trial.port.rouse()
            await _ask_for(trial, _FLOOD)
            kept = tracemalloc.get_traced_memory()[0] - before
        finally:
            if began:
                tracemalloc.stop()
        if kept > _MOST_KEPT:
            raise Shortfall(f"after 4 MB of garbage it had kept {kept / 1e6:.1f} MB")
        trial.port.clear()
        await trial.wait_well()
    return "in lines, and 4 MB without an end"


@check(
    fix="Let the errors of `self.link` pass, and give each exchange a shape check that the request itself "
    "does not pass: `self.link.query(request, accepts)`. If device or adapter always does it, declare "
    "`framing = Echoed(...)`, and let the simulator do it, too."
)
async def echo(ground: Ground) -> str:
    """An adapter that sends back what it is sent is never taken for the device."""
    async with ground.trial() as trial:
        await trial.wait_well()
        for message in (ground.subject.probe, *ground.subject.commands):
            trial.port.inject("echo")
            await get_over(trial, message)
    return "before each answer, and well afterwards"


async def get_over(trial: Trial, message: Message[object] | None = None) -> None:
    """Ask something, the probe by default, while something is wrong, and see that it is well afterwards."""
    await trial.wait_at_rest((await trial.ask(message)).reply)
    trial.port.clear()
    await trial.wait_well()


async def _ask_for(trial: Trial, seconds: float) -> None:
    """Ask again and again for so long."""
    give_up = trio.current_time() + seconds
    while trio.current_time() < give_up:
        await trial.wait_at_rest((await trial.ask(timeout=seconds)).reply)
        await trio.sleep(GRACE / 10)


async def _see_no_value(trial: Trial, why_not: str) -> Asked:
    """Ask, and see that there is no answer where there can be none."""
    asked = await trial.ask()
    if asked.error is None and trial.port.requests_of(asked.reply):
        raise Shortfall(f"{asked.message!r} gave {asked.value!r}, although {why_not}")
    if trial.port.requests_of(asked.reply):
        asked.check_not_refused()
    await trial.wait_at_rest(asked.reply)
    return asked


def _garble(answer: bytes) -> bytes:
    """Return garbage in place of an answer, which still ends where that does."""
    return bytes(byte if byte in _KEPT else byte % 0x40 + 0xA0 for byte in answer)


def _stray_frame(trial: Trial) -> bytes:
    """Return a frame that is no answer to anything."""
    try:
        return trial.links[-1].manners.framing.encode(_STRAY)
    except LabtroupeError:
        # Its framing has no such frames.
        return _STRAY


def _silence(trial: Trial) -> None:
    trial.port.inject("mute")


def _garbage(trial: Trial) -> None:
    trial.port.spoil = _garble


def _one_lost(trial: Trial) -> None:
    trial.port.inject("mute", "times=1")


def _one_garbled(trial: Trial) -> None:
    def spoil(answer: bytes) -> bytes:
        trial.port.spoil = None
        return _garble(answer)

    trial.port.spoil = spoil


WITHOUT_ANSWER: Final[Sequence[Callable[[Trial], None]]] = (_silence, _garbage)
"""What leaves a driver without any answer."""
WITHOUT_FIRST: Final[Sequence[Callable[[Trial], None]]] = (_one_lost, _one_garbled)
"""What leaves it without the first."""
