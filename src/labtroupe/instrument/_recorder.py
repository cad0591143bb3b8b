"""The flight recorder: the last bytes of a wire, both ways, with their times."""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs

from labtroupe.transport import Address, Transport

KEPT: Final = 100
"""Frames that a flight recorder remembers."""

SHOWN: Final = 256
"""Bytes of each frame that it keeps."""


class Direction(enum.StrEnum):
    """Which way bytes went."""

    SENT = "sent"
    RECEIVED = "received"


@attrs.frozen
class Frame:
    """Some bytes that went over the wire together.

    Attributes:
        time: When, in seconds since 1970 (UTC).
        direction: To the device or from it.
        data: The bytes, at most the first `SHOWN`.
        size: How many there were.
    """

    time: float
    direction: Direction
    data: bytes
    size: int


@attrs.define(eq=False)
class FlightRecorder:
    """Remembers the latest frames of one link over all its lives, the oldest first.

    Attributes:
        frames: Those it remembers.
        listeners: Told of all bytes as they go, without a limit; must return at once, and not raise.
    """

    frames: deque[Frame] = attrs.field(factory=lambda: deque[Frame](maxlen=KEPT), init=False)
    listeners: list[Callable[[Direction, bytes], None]] = attrs.field(
        factory=list[Callable[[Direction, bytes], None]], init=False
    )

    def tap(self, transport: Transport) -> Transport:
        """Return the transport with everything that goes through it recorded."""
        return _Tapped(transport.address, transport, self)

    def note(self, direction: Direction, data: bytes) -> None:
        """Remember some bytes."""
        if data:
            self.frames.append(Frame(time.time(), direction, data[:SHOWN], len(data)))
            for listen in self.listeners:
                listen(direction, data)


@attrs.define(eq=False)
class _Tapped(Transport):
    """A transport whose bytes are recorded."""

    address: Address
    _inside: Transport
    _recorder: FlightRecorder

    async def send(self, data: bytes) -> None:
        """Send; recorded before it is tried, as nobody knows how much of it went when that fails."""
        self._recorder.note(Direction.SENT, data)
        await self._inside.send(data)

    async def receive(self) -> bytes:
        """Receive."""
        data = await self._inside.receive()
        self._recorder.note(Direction.RECEIVED, data)
        return data

    async def receive_unasked(self) -> bytes:
        """Receive what nobody has asked for."""
        data = await self._inside.receive_unasked()
        self._recorder.note(Direction.RECEIVED, data)
        return data

    def receive_nowait(self) -> bytes:
        """Receive what is there."""
        data = self._inside.receive_nowait()
        self._recorder.note(Direction.RECEIVED, data)
        return data

    async def clear(self) -> bool:
        """Clear the device."""
        return await self._inside.clear()

    async def aclose(self) -> None:
        """Close."""
        await self._inside.aclose()
