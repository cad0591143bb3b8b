"""Checks of what a driver does when it is cut off in the middle."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import trio

from labtroupe.actor import Reply
from labtroupe.conformance._check import check
from labtroupe.conformance._finding import Shortfall
from labtroupe.conformance._trial import Ground, Trial

# Seconds between two looks whether a place is reached: the first, and the most.
_SHORTEST: Final = 0.002
_CUT: Final = 0.25
# Seconds that a request has at most whose sending takes long.
_PATIENCE: Final = 5.0
# Places at which one request or answer is cut: all, unless it is longer.
_MOST_CUTS: Final = 60

_RESYNC: Final = (
    "Send and receive through `self.link` alone, which knows what was cut off, and declare `resync`. Never "
    "catch `trio.Cancelled`, and shield nothing without a deadline. Where a device waits for ever for the "
    "rest of half a request, let the simulator drop it after the time that the manual gives, and declare "
    "`Quiet`: nothing else can help."
)


@check(fix=_RESYNC)
async def cancel_in_request(ground: Ground) -> str:
    """Cancelled after any byte of a request, the driver is in step again for the next."""
    async with ground.trial() as trial:
        length = (await _measure(trial))[0]
        for count in (places := list(_places(length))):
            trial.port.inject("slow-drain", *hour(heard=count))
            goal = trial.port.sent + count
            await _cut(trial, lambda reply: bool(trial.port.requests_of(reply)) and trial.port.sent >= goal)  # noqa: B023
    return f"at {len(places)} places in {length} bytes"


@check(fix=_RESYNC)
async def cancel_in_answer(ground: Ground) -> str:
    """Cancelled after any byte of an answer, the driver takes nothing of it for the next."""
    async with ground.trial() as trial:
        await trial.wait_answered()
        length = (await _measure(trial))[1]
        for count in (places := list(_places(length))):
            trial.port.inject("late", *hour(said=count))
            await _cut(trial, lambda _: trial.port.holds_back)
    return f"at {len(places)} places in {length} bytes"


@check(
    fix="Let `self.link` send, without a time limit and without `except` of your own, and return what the "
    "device has answered, never what you think it will. And declare `resync`: half of a request may stay."
)
async def slow_drain(ground: Ground) -> str:
    """A request that takes long to get out is done, or an error by its deadline, and no part of it stays."""
    async with ground.trial() as trial:
        length, timeout = (await _measure(trial))[0], min(ground.subject.probe.command.timeout, _PATIENCE)
        for share in (0.5, 2.0):
            trial.port.inject("slow-drain", f"{share * timeout / length:f}s")
            sent = trial.port.sent
            asked = await trial.ask(timeout=timeout)
            if asked.error is None and trial.port.sent - sent < length:
                raise Shortfall(f"{asked.message!r} gave {asked.value!r} before it was sent")
            asked.check_in_time()
            await trial.wait_at_rest(asked.reply)
            trial.port.clear()
            await trial.wait_well(fix="")
    return f"{length} bytes in half of the time for the answer, and in twice as much"


async def _measure(trial: Trial) -> tuple[int, int]:
    """Return how many bytes the probe sends, and how many the device says at that time."""
    await trial.wait_well()
    sent, said = trial.port.sent, trial.port.said
    requests = trial.port.requests_of((await trial.ask()).reply)
    own = sum(len(request) * count for request, count in requests.items())
    # Something else may do the asking for it.
    return own or trial.port.sent - sent, trial.port.said - said


def _places(length: int) -> Iterator[int]:
    """Yield after how many bytes to cut."""
    step = max(1.0, length / _MOST_CUTS)
    return (int(index * step) for index in range(math.ceil(length / step)))


def hour(**begin: int) -> Sequence[str]:
    """Return how a fault is ordered that outlasts every request, from a byte on if any is to pass before."""
    return ["1h", *(f"{count}={number}" for count, number in begin.items() if number)]


async def _cut(trial: Trial, reached: Callable[[Reply[object]], bool]) -> None:
    """Ask, and cut that off when its place is reached; then see that all is well again."""
    reply = await ask_until(trial, reached)
    await trial.wait_at_rest(reply)
    trial.port.clear()
    await trial.wait_well(fix="")


async def ask_until(trial: Trial, reached: Callable[[Reply[object]], bool]) -> Reply[object]:
    """Ask, and cancel that when its place is reached."""
    reply, pause = trial.send(), _SHORTEST
    while not reached(reply) and not reply.ended:
        await trio.sleep(pause)
        pause = min(2 * pause, _CUT)
    reply.cancel()
    return reply
