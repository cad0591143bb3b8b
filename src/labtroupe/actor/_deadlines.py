"""The deadlines of all requests of one tree, in one heap and one task."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

import attrs
import trio

# Requests that ended early stay in the heap until their time comes, or until so
# many have gathered that they are more than those still open.  To take each out
# at once would cost more than all the rest of a request.
_KEPT_AT_MOST: Final = 64


class Expiring(Protocol):
    """What has a deadline: a request."""

    @property
    def ended(self) -> bool: ...

    def expire(self) -> None: ...


@attrs.define(eq=False)
class Deadlines:
    """Ends each request at its deadline, whatever its caller or its handler does.

    One owner for every deadline, so that a request which nobody awaits, one in
    the mailbox of a busy actor, and one whose handler ignores its cancellation
    all end on time, in the same way.
    """

    _heap: list[tuple[float, int, Expiring]] = attrs.field(factory=list[tuple[float, int, Expiring]])
    _order: Callable[[], int] = attrs.field(factory=lambda: itertools.count().__next__)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    # When the scope fires.  To ask it, and to move it, costs more than all the rest of `add`.
    _next: float = math.inf
    _ended: int = 0

    def add(self, deadline: float, request: Expiring) -> None:
        """Let ``request`` expire at ``deadline``, a moment on trio's clock."""
        if deadline == math.inf:
            return
        heappush(self._heap, (deadline, self._order(), request))
        if deadline < self._next:
            self._next = self._scope.deadline = deadline

    def note_ended(self) -> None:
        """Note that a request has ended, in whatever way."""
        self._ended += 1
        if self._ended > _KEPT_AT_MOST and self._ended > len(self._heap) // 2:
            self._ended = 0
            self._heap = [entry for entry in self._heap if not entry[2].ended]
            heapify(self._heap)

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """End requests as their time comes, until cancelled."""
        while True:
            # A scope that has fired is spent, and so is one that was left.
            self._next = self._heap[0][0] if self._heap else math.inf
            self._scope = trio.CancelScope(deadline=self._next)
            with self._scope:
                await trio.lowlevel.wait_task_rescheduled(self._expire)

    def _expire(self, _: Callable[[], None]) -> trio.lowlevel.Abort:
        # trio calls this while it goes through its own deadlines, so that the
        # callers wake in this very tick and not one task switch later.
        now = trio.current_time()
        while self._heap and (self._heap[0][0] <= now or self._heap[0][2].ended):
            heappop(self._heap)[2].expire()
        return trio.lowlevel.Abort.SUCCEEDED
