"""Rows: asking, from one caller over a hundred to a thousand actors, and telling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from time import process_time

import trio

from labtroupe.actor import gather

from ._floor import floor_actors
from ._harness import MICROSECONDS, OURS, AsFast, Contender, Row
from ._naive import naive_actors
from ._on_asyncio import asyncio_actors
from ._on_otp import otp
from ._on_pykka import (
    ask_pykka,
    ask_pykka_unpinned,
    call_pykka,
    gather_pykka,
    gather_pykka_actors,
    tell_pykka,
)
from ._on_qmi import ask_qmi
from ._ours import Counter, counters

WARM_UP = 10
CALLERS = 100
OUTSTANDING = 100
ACTORS = 1_000

Ask = Callable[[], Awaitable[object]]
Opened = Callable[[], AbstractAsyncContextManager[Ask]]


@asynccontextmanager
async def _ours() -> AsyncGenerator[Ask]:
    async with counters() as (ref,):
        yield lambda: ref.ask(Counter.look())


@asynccontextmanager
async def _ours_with_argument() -> AsyncGenerator[Ask]:
    async with counters() as (ref,):
        yield lambda: ref.ask(Counter.add(1))


@asynccontextmanager
async def _naive() -> AsyncGenerator[Ask]:
    async with naive_actors() as (actor,):
        yield actor.ask


@asynccontextmanager
async def _naive_in_time() -> AsyncGenerator[Ask]:
    async with naive_actors() as (actor,):
        yield actor.ask_in_time


@asynccontextmanager
async def _floor() -> AsyncGenerator[Ask]:
    async with floor_actors() as (actor,):
        yield actor.ask


@asynccontextmanager
async def _asyncio() -> AsyncGenerator[Ask]:
    async with asyncio_actors() as (actor,):
        yield actor.ask


async def one_caller(opened: Opened, count: int) -> float:
    """Return the seconds of one of so many asks, one after the other."""
    async with opened() as ask:
        for _ in range(WARM_UP):
            await ask()
        began = process_time()
        for _ in range(count):
            await ask()
        return (process_time() - began) / count


async def _repeat(ask: Ask, times: int) -> None:
    for _ in range(times):
        await ask()


async def _many_callers(opened: Opened, count: int) -> float:
    async with opened() as ask:
        began = process_time()
        async with trio.open_nursery() as nursery:
            for _ in range(CALLERS):
                nursery.start_soon(_repeat, ask, count // CALLERS)
        return (process_time() - began) / count


async def _many_asyncio_callers(count: int) -> float:
    async with _asyncio() as ask:
        began = process_time()
        await asyncio.gather(*(_repeat(ask, count // CALLERS) for _ in range(CALLERS)))
        return (process_time() - began) / count


async def _in_batches(batch: Ask, size: int, count: int) -> float:
    """Return the seconds of one ask where ``batch`` has ``size`` of them outstanding."""
    await batch()
    began = process_time()
    for _ in range(count // size):
        await batch()
    return (process_time() - began) / count


async def _all_at_once(*asks: Ask) -> None:
    async with trio.open_nursery() as nursery:
        for ask in asks:
            nursery.start_soon(ask)


async def _gather_ours(count: int) -> float:
    async with counters(mailbox=OUTSTANDING) as (ref,):

        async def batch() -> None:
            await gather(*(ref.send(Counter.look()) for _ in range(OUTSTANDING)))

        return await _in_batches(batch, OUTSTANDING, count)


async def _gather_naive(count: int) -> float:
    async with naive_actors() as (actor,):
        return await _in_batches(partial(_all_at_once, *[actor.ask] * OUTSTANDING), OUTSTANDING, count)


async def _gather_asyncio(count: int) -> float:
    async with asyncio_actors() as (actor,):

        async def batch() -> None:
            await asyncio.gather(*(actor.send() for _ in range(OUTSTANDING)))

        return await _in_batches(batch, OUTSTANDING, count)


async def _gather_our_actors(count: int) -> float:
    async with counters(min(ACTORS, count)) as refs:

        async def batch() -> None:
            await gather(*(ref.send(Counter.look()) for ref in refs))

        return await _in_batches(batch, len(refs), count)


async def _gather_naive_actors(count: int) -> float:
    async with naive_actors(min(ACTORS, count)) as actors:
        batch = partial(_all_at_once, *(actor.ask for actor in actors))
        return await _in_batches(batch, len(actors), count)


async def _gather_asyncio_actors(count: int) -> float:
    async with asyncio_actors(min(ACTORS, count)) as actors:

        async def batch() -> None:
            await asyncio.gather(*(actor.send() for actor in actors))

        return await _in_batches(batch, len(actors), count)


async def _tell_ours(count: int) -> float:
    async with counters(mailbox=count + 1) as (ref,):
        began = process_time()
        for _ in range(count):
            ref.tell(Counter.look())
        await ref.ask(Counter.look())
        return (process_time() - began) / count


async def _tell_naive(count: int) -> float:
    async with naive_actors(capacity=count + 1) as (actor,):
        began = process_time()
        for _ in range(count):
            await actor.tell()
        await actor.ask()
        return (process_time() - began) / count


async def _tell_asyncio(count: int) -> float:
    async with asyncio_actors() as (actor,):
        began = process_time()
        for _ in range(count):
            actor.tell()
        await actor.ask()
        return (process_time() - began) / count


ROWS = [
    Row(
        name="ask",
        title="one caller asks one actor, again and again",
        unit=MICROSECONDS,
        size=10_000,
        tiny=10,
        contenders=[
            Contender.on_trio(OURS, partial(one_caller, _ours)),
            Contender.on_trio("labtroupe, an argument with limits", partial(one_caller, _ours_with_argument)),
            Contender.on_trio("naive trio", partial(one_caller, _naive)),
            Contender.on_trio("naive trio, fail_after", partial(one_caller, _naive_in_time)),
            Contender.on_trio("lowlevel floor", partial(one_caller, _floor)),
            Contender.on_asyncio("asyncio", partial(one_caller, _asyncio)),
            Contender("pykka", ask_pykka),
            Contender("pykka, free", ask_pykka_unpinned),
            Contender("QMI", ask_qmi),
            otp("ask"),
        ],
        goals=[
            AsFast("naive trio", 1.5),
            AsFast("lowlevel floor", 0.95),
            AsFast("pykka", 3),
            AsFast("pykka, free", 8),
            AsFast("QMI", 4),
        ],
    ),
    Row(
        name="callers",
        title="100 callers ask one actor, each again and again",
        unit=MICROSECONDS,
        size=20_000,
        tiny=100,
        contenders=[
            Contender.on_trio(OURS, partial(_many_callers, _ours)),
            Contender.on_trio("naive trio", partial(_many_callers, _naive)),
            Contender.on_trio("naive trio, fail_after", partial(_many_callers, _naive_in_time)),
            Contender.on_trio("lowlevel floor", partial(_many_callers, _floor)),
            Contender.on_asyncio("asyncio", _many_asyncio_callers),
            Contender("pykka", call_pykka),
            otp("callers"),
        ],
        goals=[AsFast("naive trio", 3.3)],
    ),
    Row(
        name="gathered",
        title="one caller has 100 requests to one actor outstanding, and gathers the answers",
        unit=MICROSECONDS,
        size=20_000,
        tiny=100,
        contenders=[
            Contender.on_trio(OURS, _gather_ours),
            Contender.on_trio("naive trio", _gather_naive),
            Contender.on_asyncio("asyncio", _gather_asyncio),
            Contender("pykka", gather_pykka),
            otp("gathered"),
        ],
        goals=[AsFast("OTP", 1)],
    ),
    Row(
        name="actors",
        title="one caller asks each of 1,000 actors at once, and gathers the answers",
        unit=MICROSECONDS,
        size=10_000,
        tiny=10,
        contenders=[
            Contender.on_trio(OURS, _gather_our_actors),
            Contender.on_trio("naive trio", _gather_naive_actors),
            Contender.on_asyncio("asyncio", _gather_asyncio_actors),
            Contender("pykka", gather_pykka_actors),
            otp("actors"),
        ],
    ),
    Row(
        name="tell",
        title="one caller tells one actor, and at last asks whether all has been done",
        unit=MICROSECONDS,
        size=10_000,
        tiny=10,
        contenders=[
            Contender.on_trio(OURS, _tell_ours),
            Contender.on_trio("naive trio", _tell_naive),
            Contender.on_asyncio("asyncio", _tell_asyncio),
            Contender("pykka", tell_pykka),
            otp("tell"),
        ],
        goals=[AsFast("OTP", 0.33)],
    ),
]


def ask_by(contender: str, count: int) -> float:
    """Do the work of one contender of the first row; for a process of its own."""
    return next(each for each in ROWS[0].contenders if each.name == contender).measure(count)
