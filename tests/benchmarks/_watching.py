"""Rows: a hundred watchers of one value."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from time import process_time
from typing import cast

import attrs
import trio
import trio.testing
from trio_util import AsyncValue

from labtroupe import Actor, ChildSpec, Supervisor, reading

from ._harness import MICROSECONDS, OURS, Contender, Row
from ._ours import running

WATCHERS = 100

Watch = Callable[[], AbstractAsyncContextManager[AsyncIterator[int]]]


@attrs.define(eq=False)
class Gauge(Actor):
    """An actor whose reading is another one each time."""

    taken: int = 0

    @reading
    async def level(self) -> int:
        """Return how often it has been read."""
        self.taken += 1
        return self.taken


@attrs.define(eq=False)
class Versioned:
    """The least that does it: a number, and a lot in which those are parked who wait for the next."""

    value: int = 0
    _lot: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    async def set_next(self) -> None:
        """Have another value, and let those look at it who wait."""
        self.value += 1
        self._lot.unpark_all()
        await trio.lowlevel.checkpoint()

    async def values(self) -> AsyncGenerator[int]:
        """Yield the values as they come."""
        seen = 0
        while True:
            while seen == self.value:
                await self._lot.park()
            seen = self.value
            yield seen


async def _deliver(change: Callable[[], Awaitable[object]], watch: Watch, count: int) -> float:
    """Return the seconds of one delivery; ``change``, called so often, makes another value each time."""
    delivered = 0

    async def watcher() -> None:
        nonlocal delivered
        async with watch() as values:
            async for value in values:
                delivered += 1
                if value >= count:
                    return

    async with trio.open_nursery() as nursery:
        for _ in range(WATCHERS):
            nursery.start_soon(watcher)
        await trio.testing.wait_all_tasks_blocked()
        began = process_time()
        for _ in range(count):
            await change()
    return (process_time() - began) / delivered


async def _ours(count: int) -> float:
    supervisor = Supervisor([ChildSpec(name="gauge", factory=Gauge, actor_type=Gauge)])
    async with running(supervisor):
        ref = supervisor.ref("gauge", Gauge)
        return await _deliver(
            lambda: ref.ask(Gauge.level()), lambda: nullcontext(ref.values(Gauge.level)), count
        )


async def _trio_util(count: int) -> float:
    level = AsyncValue(0)

    async def change() -> None:
        level.value += 1
        await trio.lowlevel.checkpoint()

    # trio_util has no types that a checker would know.
    values = cast("Callable[[], AsyncGenerator[int]]", level.eventual_values)  # pyright: ignore[reportUnknownMemberType]
    return await _deliver(change, lambda: aclosing(values()), count)


async def _versioned(count: int) -> float:
    level = Versioned()
    return await _deliver(level.set_next, lambda: aclosing(level.values()), count)


ROWS = [
    Row(
        name="watchers",
        title="100 watchers of a reading get each new value of it: time for each delivery",
        unit=MICROSECONDS,
        size=200,
        tiny=2,
        contenders=[
            Contender.on_trio(OURS, _ours),
            Contender.on_trio("trio_util's eventual_values", _trio_util),
            Contender.on_trio("a number and parked tasks", _versioned),
        ],
    ),
]
