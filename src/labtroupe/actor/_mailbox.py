"""The mailbox: bounded queues of requests that can be withdrawn from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import trio

from labtroupe.actor._reply import Reply
from labtroupe.actor._wake import wake

DEFAULT_CAPACITY: Final = 16
"""Requests a mailbox holds before its callers wait for room."""

STOP_LANE: Final = 4
"""Urgent requests it holds besides."""


@attrs.define(eq=False)
class Lane:
    """First in, first out, bounded; full, its callers wait in line behind it.

    A line of its own and not a semaphore, so that nobody who comes later gets
    in before those who wait, and so that each of them can leave at any moment.
    """

    capacity: int
    queue: deque[Reply[object]] = attrs.field(factory=deque[Reply[object]], init=False)
    line: deque[Reply[object]] = attrs.field(factory=deque[Reply[object]], init=False)

    @property
    def full(self) -> bool:
        """Whether a caller who comes now has to wait for room."""
        return len(self.queue) >= self.capacity

    def put(self, reply: Reply[object]) -> None:
        """Queue a request, or put it in line if there is no room."""
        (self.line if self.full else self.queue).append(reply)

    def take(self) -> Reply[object]:
        """Take out the first request."""
        reply = self.queue.popleft()
        self._fill()
        return reply

    def withdraw(self, reply: Reply[object]) -> None:
        """Take a request out again, wherever it waits."""
        (self.queue if reply in self.queue else self.line).remove(reply)
        self._fill()

    def _fill(self) -> None:
        while self.line and not self.full:
            self.queue.append(self.line.popleft())


@attrs.define(eq=False)
class Mailbox:
    """What an actor is still to do: the stop lane first, then all the rest.

    Attributes:
        capacity: Requests it holds besides the urgent ones.
        suspended: Only urgent requests are handed out.
    """

    capacity: int = DEFAULT_CAPACITY
    suspended: bool = attrs.field(default=False, init=False)
    _stop: Lane = attrs.field(factory=lambda: Lane(STOP_LANE), init=False)
    _others: Lane = attrs.field(init=False)
    _taker: trio.lowlevel.Task | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the lane for what is not urgent."""
        self._others = Lane(self.capacity)

    def __len__(self) -> int:
        """Return how many requests wait, those in line for room included."""
        return sum(len(lane.queue) + len(lane.line) for lane in (self._stop, self._others))

    def __iter__(self) -> Iterator[Reply[object]]:
        """Iterate over the requests that wait, first in first, the urgent ones before all."""
        for lane in (self._stop, self._others):
            yield from lane.queue
            yield from lane.line

    def has_room_for(self, reply: Reply[object]) -> bool:
        """Whether a request would not have to wait in line."""
        return not self._lane(reply).full

    def put(self, reply: Reply[object]) -> None:
        """Queue a request, or put it in line if there is no room."""
        self._lane(reply).put(reply)
        self.rouse()

    def withdraw(self, reply: Reply[object]) -> None:
        """Take a request out again, wherever it waits."""
        self._lane(reply).withdraw(reply)

    def rouse(self) -> None:
        """Let the actor look up, if it waits for a request."""
        if self._taker is not None:
            wake(self._taker)
            self._taker = None

    async def wait_request(self) -> None:
        """Wait until there is a request to `take`, or until roused."""
        # The last checkpoint comes before the request is taken, never after: one
        # that is taken into a cancelled task would be lost.  To be rescheduled
        # is no proof against that, as a task can be woken and cancelled in one tick.
        if self._next_lane() is not None:
            await trio.lowlevel.checkpoint()
            return
        self._taker = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._stop_taking)
        await trio.lowlevel.checkpoint_if_cancelled()

    def take(self) -> Reply[object] | None:
        """Take out the next request; ``None`` if there is none, or only such as have to wait."""
        lane = self._next_lane()
        return None if lane is None else lane.take()

    def _lane(self, reply: Reply[object]) -> Lane:
        return self._stop if reply.message.command.urgent else self._others

    def _next_lane(self) -> Lane | None:
        if self._stop.queue:
            return self._stop
        return self._others if self._others.queue and not self.suspended else None

    def _stop_taking(self, _: Callable[[], None]) -> trio.lowlevel.Abort:
        self._taker = None
        return trio.lowlevel.Abort.SUCCEEDED
