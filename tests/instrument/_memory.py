"""A transport in memory to a device that says what a test wants, byte by byte and when it wants."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import attrs
import trio

from labtroupe.errors import LinkLost
from labtroupe.transport import Address, Transport

Says = Iterable[tuple[float, bytes]]
"""Bytes, each some seconds after the ones before."""

NOWHERE: Final = Address.parse("tcp://127.0.0.1:1")
"""An address that is never opened: only its name is seen."""


def _nothing(_: bytes) -> Says:
    return ()


@attrs.define(eq=False)
class Device:
    """A device that answers line by line, and in order.

    Attributes:
        answer: What it says to a request.
        heard: The requests so far.
        times: When it heard each.
        half: The beginning of a request.
    """

    answer: Callable[[bytes], Says] = _nothing
    heard: list[bytes] = attrs.field(factory=list[bytes])
    times: list[float] = attrs.field(factory=list[float])
    half: bytes = b""
    _said: deque[tuple[float, bytes]] = attrs.field(factory=deque[tuple[float, bytes]])
    _spoken: trio.Event = attrs.field(factory=trio.Event)

    def hear(self, data: bytes) -> None:
        """Take bytes, and answer each line that is complete."""
        *requests, self.half = (self.half + data).split(b"\n")
        for request in requests:
            self.heard.append(request)
            self.times.append(trio.current_time())
            self.say(self.answer(request))

    def say(self, pieces: Says) -> None:
        """Say something, after all that it is to say already."""
        due = max(self._said[-1][0] if self._said else -math.inf, trio.current_time())
        for delay, data in pieces:
            due += delay
            self._said.append((due, data))
        self._spoken.set()
        self._spoken = trio.Event()

    def forget(self) -> None:
        """Drop all that it has heard and not answered: device clear."""
        self.half = b""
        self._said.clear()

    @property
    def has_more(self) -> bool:
        """Whether it is to say something, now or later."""
        return bool(self._said)

    def due(self) -> bytes:
        """Return the next piece that it has said until now, or nothing."""
        if self._said and self._said[0][0] <= trio.current_time():
            return self._said.popleft()[1]
        return b""

    async def wait_due(self) -> None:
        """Wait until it may have said something."""
        with trio.move_on_at(self._said[0][0] if self._said else math.inf):
            await self._spoken.wait()


@attrs.define(eq=False)
class MemoryTransport(Transport):
    """The way to such a device.

    Attributes:
        room: Bytes that it takes before it hangs.
        clears: Whether its bus has a device clear; ``None`` if that hangs.
    """

    device: Device
    room: float = math.inf
    clears: bool | None = False
    address: Address = NOWHERE
    closed: bool = False
    _receiving: bool = False

    async def send(self, data: bytes) -> None:
        """Send what there is room for, and hang if that is not all."""
        self._check()
        await trio.lowlevel.checkpoint_if_cancelled()
        taken = data[: int(min(self.room, len(data)))]
        self.room -= len(taken)
        self.device.hear(taken)
        if taken != data:
            await trio.sleep_forever()

    async def receive(self) -> bytes:
        """Wait for the next piece."""
        self._check()
        assert not self._receiving, "two tasks receive at once"
        self._receiving = True
        try:
            await trio.lowlevel.checkpoint()
            while not (data := self.device.due()):
                await self.device.wait_due()
                self._check()
            return data
        finally:
            self._receiving = False

    def receive_nowait(self) -> bytes:
        """Return the next piece, if it is there."""
        self._check()
        return self.device.due()

    async def clear(self) -> bool:
        """Clear the device, if there is such a thing."""
        await trio.lowlevel.checkpoint()
        if self.clears is None:
            await trio.sleep_forever()
        elif self.clears:
            self.device.forget()
        return bool(self.clears)

    async def aclose(self) -> None:
        """Close."""
        self.closed = True
        await trio.lowlevel.checkpoint()

    def _check(self) -> None:
        if self.closed:
            raise LinkLost("closed")


def to(transport: Transport) -> Callable[[], Awaitable[Transport]]:
    """Return what opens a link to it."""

    async def connect() -> Transport:
        await trio.lowlevel.checkpoint()
        return transport

    return connect
