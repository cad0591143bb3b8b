"""Rows: what a deadline costs, and how late it is when it has come."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import process_time

import trio

from labtroupe.errors import CommandTimeout

from ._asking import Ask, one_caller
from ._harness import MICROSECONDS, MILLISECONDS, OURS, AtMost, Contender, Row, Share
from ._naive import naive_actors
from ._on_otp import otp
from ._ours import Counter, counters

ACTORS = 100
LONG = 10.0
"""Seconds that are never over."""

# Deadlines that come one after the other, in seconds from the first to the last.
FIRST, LAST = 0.05, 0.25

AskWithin = Callable[[float], Awaitable[object]]


@asynccontextmanager
async def _with_deadline() -> AsyncGenerator[Ask]:
    message = Counter.look()
    async with counters() as (ref,):
        yield lambda: ref.ask(message, timeout=LONG)


@asynccontextmanager
async def _without_deadline() -> AsyncGenerator[Ask]:
    message = Counter.look()
    async with counters() as (ref,):
        yield lambda: ref.ask(message, timeout=math.inf)


async def _all(asks: list[Ask]) -> float:
    """Return the seconds of one of these asks, each by a task of its own."""
    began = process_time()
    async with trio.open_nursery() as nursery:
        for ask in asks:
            nursery.start_soon(ask)
    return (process_time() - began) / len(asks)


async def _outstanding_ours(count: int) -> float:
    async with counters(ACTORS) as refs:

        async def ask(number: int) -> None:
            await refs[number % ACTORS].ask(Counter.look(), timeout=LONG)

        return await _all([partial(ask, number) for number in range(count)])


async def _outstanding_naive(count: int) -> float:
    async with naive_actors(ACTORS) as actors:
        return await _all([partial(actors[number % ACTORS].ask_in_time, LONG) for number in range(count)])


async def _late(ask_within: AskWithin, count: int) -> float:
    """Return how late the last but one in a hundred is told that its time is over, in seconds."""
    late: list[float] = []

    async def caller(seconds: float) -> None:
        deadline = trio.current_time() + seconds
        await ask_within(seconds)
        late.append(trio.current_time() - deadline)

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(caller, FIRST + (LAST - FIRST) * number / count)
    return sorted(late)[count * 99 // 100 - 1]


async def _expiry_ours(count: int) -> float:
    async with counters(mailbox=count) as (ref,):

        async def ask_within(seconds: float) -> None:
            with suppress(CommandTimeout):
                await ref.ask(Counter.hold(), timeout=seconds)

        return await _late(ask_within, count)


async def _expiry_naive(count: int) -> float:
    async with naive_actors(capacity=count) as (actor,):

        async def ask_within(seconds: float) -> None:
            with suppress(trio.TooSlowError):
                await actor.ask_in_time(seconds, "hold")

        return await _late(ask_within, count)


ROWS = [
    Row(
        name="deadline",
        title="one caller asks one actor, with a deadline and without one",
        unit=MICROSECONDS,
        size=10_000,
        tiny=10,
        contenders=[
            Contender.on_trio(OURS, partial(one_caller, _with_deadline)),
            Contender.on_trio("labtroupe without a deadline", partial(one_caller, _without_deadline)),
        ],
        goals=[AtMost(1, beyond="labtroupe without a deadline")],
    ),
    Row(
        name="outstanding",
        title="10,000 callers at once ask 100 actors, each with a deadline",
        unit=MICROSECONDS,
        size=10_000,
        tiny=100,
        contenders=[
            Contender.on_trio(OURS, _outstanding_ours),
            Contender.on_trio("naive trio, fail_after", _outstanding_naive),
            otp("outstanding"),
        ],
        goals=[Share("naive trio, fail_after", 0.65)],
    ),
    Row(
        name="expiry",
        title="of 1,000 deadlines that pass, how late one in a hundred is told (p99)",
        unit=MILLISECONDS,
        size=1_000,
        tiny=100,
        contenders=[
            Contender.on_trio(OURS, _expiry_ours),
            Contender.on_trio("naive trio, fail_after", _expiry_naive),
            otp("expiry"),
        ],
        goals=[Share("OTP", 2)],
    ),
]
