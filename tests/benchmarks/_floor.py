"""The floor: the least that trio's public lowlevel functions allow, a deque and two parked tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import attrs
import trio
from trio.lowlevel import Abort, Task, current_task, reschedule, wait_task_rescheduled


@attrs.define(eq=False)
class Request:
    """One request: whom to wake, and with what."""

    caller: Task
    value: int = 0

    def abort(self, _: Callable[[], None]) -> Abort:
        """Let the caller go."""
        return Abort.SUCCEEDED


@attrs.define(eq=False)
class FloorActor:
    """One task that answers what is in a deque."""

    count: int = 0
    _queue: deque[Request] = attrs.field(factory=deque[Request], init=False)
    _parked: Task | None = attrs.field(default=None, init=False)

    async def run(self) -> None:
        """Answer for ever."""
        while True:
            if not self._queue:
                self._parked = current_task()
                await wait_task_rescheduled(self._unpark)
            request = self._queue.popleft()
            request.value = await self.look()
            reschedule(request.caller)

    async def look(self) -> int:
        """Return a number."""
        return self.count

    async def ask(self) -> int:
        """Wait for the answer."""
        request = Request(current_task())
        self._queue.append(request)
        if self._parked is not None:
            reschedule(self._parked)
            self._parked = None
        await wait_task_rescheduled(request.abort)
        return request.value

    def _unpark(self, _: Callable[[], None]) -> Abort:
        self._parked = None
        return Abort.SUCCEEDED


@asynccontextmanager
async def floor_actors(count: int = 1) -> AsyncGenerator[Sequence[FloorActor]]:
    """Run so many of them."""
    actors = [FloorActor() for _ in range(count)]
    async with trio.open_nursery() as nursery:
        for actor in actors:
            nursery.start_soon(actor.run)
        yield actors
        nursery.cancel_scope.cancel()
