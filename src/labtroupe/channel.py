"""A channel from any thread into trio: it closes, drains, and never has a thread wait for the event loop."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from collections.abc import Sequence
from typing import Generic, Self, TypeVar

import attrs
import trio

from labtroupe.errors import ChannelClosed

T = TypeVar("T")


@attrs.define(eq=False)
class Channel(Generic[T]):
    """Carries items from any thread or task to tasks, in the order in which they were sent.

    It is open for as long as its ``with`` block lasts, or until it is closed before::

        with Channel[int]("progress") as channel:
            ...  # threads call channel.send(...)
            async for item in channel:
                ...  # ends once it is closed and empty

    To be made in trio.  All but receiving may be done in any thread.

    Attributes:
        name: What its errors call it.
        limit: So many items may wait to be received.  A thread that sends one more waits until there
            is room, a task does not, as it would hold up the loop; nothing is ever dropped.
    """

    name: str
    limit: float = math.inf
    _items: deque[T] = attrs.field(factory=deque[T], init=False)
    # Guards the items and both flags; held for an append or a swap, never while waiting.
    _changed: threading.Condition = attrs.field(factory=threading.Condition, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    # Whether a task waits for news that is not yet on its way.  To wake the loop costs a
    # system call, which also lets go of the interpreter: it is done once per batch.
    _awaited: bool = attrs.field(default=False, init=False)
    # Belongs to trio's thread.
    _news: trio.Event = attrs.field(factory=trio.Event, init=False)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token, init=False)

    def __enter__(self) -> Self:
        """Return it; it is open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it, whatever has happened."""
        self.close()

    def send(self, item: T) -> None:
        """Add an item; does not wait for the event loop, only for room where there is a limit.

        Raises:
            ChannelClosed: It is closed, or the event loop has ended; the item goes nowhere.
        """
        with self._changed:
            while len(self._items) >= self.limit and not (self._closed or trio.lowlevel.in_trio_run()):
                self._changed.wait()
            if self._closed:
                raise ChannelClosed(f"{self.name} is closed: nothing can be sent any more")
            self._items.append(item)
            awaited, self._awaited = self._awaited, False
        if awaited:
            self._wake()

    def close(self) -> None:
        """Take nothing more; what was sent before is received still.  Does nothing if it is closed."""
        with self._changed:
            self._closed = True
            awaited, self._awaited = self._awaited, False
            self._changed.notify_all()
        if awaited:
            with contextlib.suppress(ChannelClosed):
                self._wake()

    # Nothing that was taken out of it is lost to a Ctrl-C that comes before it is returned.
    @trio.lowlevel.enable_ki_protection
    async def receive_batch(self) -> Sequence[T]:
        """Wait until there is something, and return all there is; nothing once it is closed and empty.

        To be cancelled loses nothing: what was not returned is there for the next.
        """
        await self._wait_news()
        with self._changed:
            batch, self._items = self._items, deque()
            self._changed.notify_all()
        return batch

    def __aiter__(self) -> Self:
        """Return itself: several tasks may share the items."""
        return self

    @trio.lowlevel.enable_ki_protection
    async def __anext__(self) -> T:
        """Wait for the next item; the end comes when it is closed and empty."""
        await self._wait_news()
        with self._changed:
            if not self._items:
                raise StopAsyncIteration
            self._changed.notify()
            return self._items.popleft()

    async def _wait_news(self) -> None:
        """Wait until there is an item or none will come; no other task runs between that and the return."""
        await trio.lowlevel.checkpoint()
        while True:
            with self._changed:
                if self._items or self._closed:
                    return
                self._awaited, news = True, self._news
            await news.wait()

    def _wake(self) -> None:
        try:
            self._token.run_sync_soon(self._tell)
        except trio.RunFinishedError:
            raise ChannelClosed(f"{self.name} leads nowhere: its event loop has ended") from None

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()
