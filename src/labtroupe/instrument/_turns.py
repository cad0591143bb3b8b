"""Whose turn it is on a wire: one exchange or transaction at a time, and a listener in between."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import attrs
import trio


@attrs.define(eq=False)
class _Listener:
    """A task that waits for input while nobody else wants the wire.

    Attributes:
        scope: Cancelled to make it leave.
        left: Set when it has.
    """

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    left: trio.Event = attrs.field(factory=trio.Event, init=False)


@attrs.define(eq=False)
class Turns:
    """Who has the wire; ``async with`` waits for one's turn, and has it for the body.

    A task that has it can enter again, so that a transaction can hold it over several exchanges.

    Attributes:
        count: How many turns there have been.
    """

    count: int = attrs.field(default=0, init=False)
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _holder: trio.lowlevel.Task | None = attrs.field(default=None, init=False)
    _depth: int = attrs.field(default=0, init=False)
    _listener: _Listener | None = attrs.field(default=None, init=False)

    @property
    def taken(self) -> bool:
        """Whether somebody has the wire."""
        return self._lock.locked()

    async def __aenter__(self) -> None:
        task = trio.lowlevel.current_task()
        if self._holder is not task:
            await self._lock.acquire()
            try:
                await self._send_listener_away()
            except BaseException:
                self._lock.release()
                raise
            self._holder = task
            self.count += 1
        self._depth += 1

    async def __aexit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._holder = None
            self._lock.release()

    @contextmanager
    def listening(self) -> Generator[None]:
        """Have the wire, in the body, until somebody else wants it; the body is cancelled then."""
        self._listener = listener = _Listener()
        try:
            with listener.scope:
                yield
        finally:
            self._listener = None
            listener.left.set()

    async def _send_listener_away(self) -> None:
        if self._listener is not None:
            self._listener.scope.cancel("an exchange begins")
            await self._listener.left.wait()
