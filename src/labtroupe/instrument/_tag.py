"""Devices whose answers say what they answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import trio
from attrs.validators import ge, gt

from labtroupe.instrument._resync import Strategy

if TYPE_CHECKING:
    # They need each other: a wire has manners, which have strategies, which work on a wire.
    from labtroupe.instrument._debts import Debts
    from labtroupe.instrument._wire import Wire


@attrs.frozen
class Tag(Strategy):
    """Answers carry what they answer, so late ones are dropped without any cost.

    That may be a number which ``stamp`` puts into each request, or the request itself, which the
    device echoes.  An echo does not tell apart two requests that are the same: one that was cut off
    is sent again only when its answer can come no more.

    Attributes:
        answers: Whether a frame, its second argument, answers a request, as it was sent; ``None``
            if the framing numbers requests by itself, and gives out no frame that answers another.
        stamp: Returns the request with a number in it; ``None`` if the device echoes requests.
        count: How many numbers there are; they begin at 0 and are used in turn.
        lateness: Seconds after which this device answers a request no more.
        budget: Seconds that ending half a command may take.
    """

    answers: Callable[[bytes, bytes], bool] | None = None
    stamp: Callable[[bytes, int], bytes] | None = None
    count: int = attrs.field(default=256, validator=ge(2))
    lateness: float = attrs.field(default=1.0, validator=ge(0))
    budget: float = attrs.field(default=2.0, validator=gt(0))

    async def attempt(self, wire: Wire) -> str | None:
        """End half a command, and have the end of half an answer; nothing else is needed."""
        with trio.move_on_after(self.budget) as ending:
            if not await wire.end_half_command():
                # A new connection has no half of it, and a device gives it up after a pause.
                return "nothing ends half a request"
        if ending.cancelled_caught:
            return f"half a command could not be ended within {self.budget:g} s"
        with trio.move_on_after(self.lateness) as finishing:
            await wire.finish_frame()
        if finishing.cancelled_caught:
            wire.drop_input()
        return None

    def matches(self, request: bytes, frame: bytes) -> bool:
        """Return whether a frame answers a request, as it was sent."""
        return self.answers is None or self.answers(request, frame)

    def stamped(self, request: bytes, number: int) -> bytes:
        """Return a request as it is to be sent."""
        return request if self.stamp is None else self.stamp(request, number % self.count)

    def not_before(self, request: bytes, debts: Debts) -> float:
        """Return when a request, as it is to be sent, may be: an answer to the same may still come."""
        if self.answers is None:
            return -math.inf
        same = (owed.sent_at for owed in debts.owed if owed.request == request)
        return max(same, default=-math.inf) + self.lateness
