"""The same on asyncio: a Queue, and a Future for each reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import attrs


@attrs.define(eq=False)
class AsyncioActor:
    """One task that answers what comes through a queue."""

    count: int = 0
    _queue: asyncio.Queue[asyncio.Future[int] | None] = attrs.field(
        factory=asyncio.Queue["asyncio.Future[int] | None"], init=False
    )

    async def run(self) -> None:
        """Answer for ever."""
        while True:
            request = await self._queue.get()
            value = await self.look()
            if request is not None and not request.done():
                request.set_result(value)

    async def look(self) -> int:
        """Return a number."""
        return self.count

    def send(self) -> asyncio.Future[int]:
        """Return the future of the answer."""
        request: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(request)
        return request

    async def ask(self) -> int:
        """Wait for the answer."""
        return await self.send()

    def tell(self) -> None:
        """Want no answer."""
        self._queue.put_nowait(None)


@asynccontextmanager
async def asyncio_actors(count: int = 1) -> AsyncGenerator[Sequence[AsyncioActor]]:
    """Run so many of them."""
    actors = [AsyncioActor() for _ in range(count)]
    tasks = [asyncio.create_task(actor.run()) for actor in actors]
    yield actors
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
