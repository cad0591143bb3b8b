"""The naive way: what trio offers on its front page, a memory channel, and an Event for each reply."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import attrs
import trio


class Broken(Exception):
    """The end of one life of an actor."""


@attrs.define(eq=False)
class Request:
    """One request and its answer.

    Attributes:
        work: What is to be done.
        done: Set when it has been; ``None`` where nobody wants to know.
        value: The answer.
    """

    work: str
    done: trio.Event | None
    value: int = 0


@attrs.define(eq=False)
class NaiveActor:
    """One task that does what comes through a channel."""

    capacity: int = 16
    count: int = 0
    lives: int = 1
    _send: trio.MemorySendChannel[Request] = attrs.field(init=False)
    _receive: trio.MemoryReceiveChannel[Request] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open the channel."""
        self._send, self._receive = trio.open_memory_channel[Request](self.capacity)

    async def run(self) -> None:
        """Answer until there is nothing more to come."""
        async for request in self._receive:
            await self._carry_out(request)

    async def run_again_and_again(self) -> None:
        """Answer for ever: what ends one life begins the next."""
        while True:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.run)
            except* Broken:
                self.lives += 1

    async def look(self) -> int:
        """Return a number."""
        return self.count

    async def ask(self, work: str = "look") -> int:
        """Wait for the answer."""
        done = trio.Event()
        request = Request(work, done)
        await self._send.send(request)
        await done.wait()
        return request.value

    async def ask_in_time(self, seconds: float = 5.0, work: str = "look") -> int:
        """Wait for the answer, but not for ever."""
        with trio.fail_after(seconds):
            return await self.ask(work)

    async def tell(self) -> None:
        """Want no answer."""
        await self._send.send(Request("look", None))

    def stop(self) -> None:
        """Let it end when it has answered all."""
        self._send.close()

    async def _carry_out(self, request: Request) -> None:
        if request.work == "hold":
            await trio.sleep_forever()
        if request.work == "look":
            request.value = await self.look()
        if request.done is not None:
            request.done.set()
        if request.work == "crash":
            raise Broken


@asynccontextmanager
async def naive_actors(count: int = 1, *, capacity: int = 16) -> AsyncGenerator[Sequence[NaiveActor]]:
    """Run so many of them."""
    actors = [NaiveActor(capacity) for _ in range(count)]
    async with trio.open_nursery() as nursery:
        for actor in actors:
            nursery.start_soon(actor.run)
        yield actors
        nursery.cancel_scope.cancel()
