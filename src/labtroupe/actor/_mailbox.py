"""The mailbox: bounded queues of requests that can be withdrawn from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs
import trio

from labtroupe.actor._reply import Reply
from labtroupe.actor._wake import WOKEN

DEFAULT_CAPACITY: Final = 16
"""Requests a mailbox holds before its callers wait for room."""

STOP_LANE: Final = 4
"""Urgent requests it holds besides."""

_IN_A_ROW: Final = 16
"""Requests that may be taken one after the other before all other tasks get a turn."""


@attrs.define(eq=False)
class Lane:
    """First in, first out, bounded; full, its callers wait in line behind it.

    A line of its own and not a semaphore, so that nobody who comes later gets
    in before those who wait, and so that each of them can leave at any moment.
    """

    capacity: int
    # Lists, as they are short, and an empty deque takes ten times the room of an empty list.
    queue: list[Reply[object]] = attrs.field(factory=list[Reply[object]], init=False)
    line: list[Reply[object]] = attrs.field(factory=list[Reply[object]], init=False)

    @property
    def full(self) -> bool:
        """Whether a caller who comes now has to wait for room."""
        return len(self.queue) >= self.capacity

    def take(self) -> Reply[object]:
        """Take out the first request."""
        reply = self.queue.pop(0)
        if self.line:
            self.queue.append(self.line.pop(0))
        return reply

    def withdraw(self, reply: Reply[object]) -> None:
        """Take a request out again, wherever it waits."""
        if reply not in self.queue:
            self.line.remove(reply)
            return
        self.queue.remove(reply)
        if self.line:
            self.queue.append(self.line.pop(0))


@attrs.define(eq=False)
class Mailbox:
    """What an actor is still to do: the stop lane first, then all the rest.

    Attributes:
        capacity: Requests it holds besides the urgent ones.
        suspended: Only urgent requests are handed out.
        roused: The actor is to look up, as something else may come first.
    """

    capacity: int = DEFAULT_CAPACITY
    suspended: bool = attrs.field(default=False, init=False)
    roused: bool = attrs.field(default=False, init=False)
    _stop: Lane = attrs.field(factory=lambda: Lane(STOP_LANE), init=False)
    _others: Lane = attrs.field(init=False)
    _in_a_row: int = attrs.field(default=0, init=False)
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
        lane = self._lane(reply)
        (lane.queue if len(lane.queue) < lane.capacity else lane.line).append(reply)
        if self._taker is not None:
            self._wake(self._taker)

    def withdraw(self, reply: Reply[object]) -> None:
        """Take a request out again, wherever it waits."""
        self._lane(reply).withdraw(reply)

    def take_out(self, *, all_but: Callable[[Reply[object]], bool]) -> Sequence[Reply[object]]:
        """Take out all requests ``all_but`` those for which this holds, and return them."""
        taken: list[Reply[object]] = []
        for lane in (self._stop, self._others):
            waiting = lane.queue + lane.line
            taken += [reply for reply in waiting if not all_but(reply)]
            kept = [reply for reply in waiting if all_but(reply)]
            lane.queue, lane.line = kept[: lane.capacity], kept[lane.capacity :]
        return taken

    def rouse(self) -> None:
        """Let the actor look up, at once if it waits for a request."""
        self.roused = True
        if self._taker is not None:
            self._wake(self._taker)

    async def wait_request(self) -> None:
        """Wait until there is a request to `take`, or until roused."""
        # The last checkpoint comes before the request is taken, never after: one
        # that is taken into a cancelled task would be lost.  To be rescheduled
        # is no proof against that, as a task can be woken and cancelled in one tick.
        if self._next_lane() is not None:
            await self._let_others_go_on()
            return
        self._taker = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._stop_taking)
        await trio.lowlevel.checkpoint_if_cancelled()

    async def _let_others_go_on(self) -> None:
        # Not each time: a round through all tasks takes as long as several requests.
        self._in_a_row += 1
        if self._in_a_row < _IN_A_ROW:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            self._in_a_row = 0
            await trio.lowlevel.checkpoint()

    def take(self) -> Reply[object] | None:
        """Take out the next request; ``None`` if there is none, or only such as have to wait."""
        lane = self._next_lane()
        return None if lane is None else lane.take()

    def _wake(self, taker: trio.lowlevel.Task) -> None:
        self._taker = None
        trio.lowlevel.reschedule(taker, WOKEN)

    def _lane(self, reply: Reply[object]) -> Lane:
        return self._stop if reply.message.command.urgent else self._others

    def _next_lane(self) -> Lane | None:
        if self._stop.queue:
            return self._stop
        return self._others if self._others.queue and not self.suspended else None

    def _stop_taking(self, _: Callable[[], None]) -> trio.lowlevel.Abort:
        self._taker = None
        return trio.lowlevel.Abort.SUCCEEDED
