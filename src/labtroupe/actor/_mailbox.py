"""The mailbox: a bounded queue of requests that can be withdrawn from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import trio

from labtroupe.actor._reply import Reply

DEFAULT_CAPACITY: Final = 16
"""Requests a mailbox holds before its callers wait for room."""


@attrs.define(eq=False)
class Mailbox:
    """First in, first out, bounded; full, its callers wait in line behind it.

    A line of its own and not a semaphore, so that nobody who comes later gets
    in before those who wait, and so that each of them can leave at any moment.
    """

    capacity: int = DEFAULT_CAPACITY
    _queue: deque[Reply[object]] = attrs.field(factory=deque[Reply[object]], init=False)
    _line: deque[Reply[object]] = attrs.field(factory=deque[Reply[object]], init=False)
    _taker: trio.lowlevel.Task | None = attrs.field(default=None, init=False)

    @property
    def full(self) -> bool:
        """Whether a caller who comes now has to wait for room."""
        return len(self._queue) >= self.capacity

    def __len__(self) -> int:
        """Return how many requests wait, those in line for room included."""
        return len(self._queue) + len(self._line)

    def __iter__(self) -> Iterator[Reply[object]]:
        """Iterate over the requests that wait, first in first."""
        yield from self._queue
        yield from self._line

    def put(self, reply: Reply[object]) -> None:
        """Queue a request, or put it in line if there is no room."""
        (self._line if self.full else self._queue).append(reply)
        if self._taker is not None:
            trio.lowlevel.reschedule(self._taker)
            self._taker = None

    def withdraw(self, reply: Reply[object]) -> None:
        """Take a request out again, wherever it waits."""
        (self._queue if reply in self._queue else self._line).remove(reply)
        self._fill()

    async def wait_request(self) -> None:
        """Wait until there is a request to `take`."""
        # The last checkpoint comes before the request is taken, never after: one
        # that is taken into a cancelled task would be lost.  To be rescheduled
        # is no proof against that, as a task can be woken and cancelled in one tick.
        if self._queue:
            await trio.lowlevel.checkpoint()
        while not self._queue:
            self._taker = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._stop_taking)
            await trio.lowlevel.checkpoint_if_cancelled()

    def take(self) -> Reply[object]:
        """Take out the next request; there is one if `wait_request` has just returned."""
        reply = self._queue.popleft()
        self._fill()
        return reply

    def _fill(self) -> None:
        while self._line and not self.full:
            self._queue.append(self._line.popleft())

    def _stop_taking(self, _: Callable[[], None]) -> trio.lowlevel.Abort:
        self._taker = None
        return trio.lowlevel.Abort.SUCCEEDED
