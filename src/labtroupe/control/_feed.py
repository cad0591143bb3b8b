"""The feed: the latest events of a bench, for any number of listeners."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

import attrs
import trio

from labtroupe.control._outages import Outages
from labtroupe.messages import Event

KEPT: Final = 2000
"""Events a feed remembers."""


@attrs.frozen(kw_only=True)
class Missed(Event):
    """A listener was too slow: so many events are gone, and a new snapshot is due."""

    kind = "missed"

    instrument: str = ""
    count: int

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"{self.count} events are missing here: their listener was too slow"


@attrs.define(eq=False)
class Feed:
    """A ring of events that each listener reads at its own pace.

    There is one ring and no queue per listener, so that a slow listener costs
    nothing and holds up nobody: it misses events, and is told how many.

    An instrument that is tried again and again is told of once.
    """

    _ring: deque[Event] = attrs.field(factory=lambda: deque(maxlen=KEPT), init=False)
    _count: int = attrs.field(default=0, init=False)
    _news: trio.Event = attrs.field(factory=trio.Event, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _outages: Outages = attrs.field(factory=Outages, init=False)

    def publish(self, event: Event) -> None:
        """Add an event, if it is news; never waits."""
        if not self._outages.is_news(event):
            return
        self._ring.append(event)
        self._count += 1
        self._news.set()
        self._news = trio.Event()

    def close(self) -> None:
        """Let those who follow end with the last event."""
        self._closed = True
        self._news.set()

    async def read(self, *, follow: bool) -> AsyncGenerator[Event]:
        """Yield the events still remembered, the oldest first, then those that come.

        Args:
            follow: Go on until the feed is closed; otherwise stop with the present.
        """
        seen, end = self._count - len(self._ring), self._count
        while seen < end or (follow and not (self._closed and seen == self._count)):
            oldest = self._count - len(self._ring)
            if seen < oldest:
                yield Missed(count=oldest - seen)
                seen = oldest
            elif seen < self._count:
                seen += 1
                yield self._ring[seen - oldest - 1]
            else:
                await self._news.wait()
