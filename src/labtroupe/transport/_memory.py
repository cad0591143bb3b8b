"""Connections within this process, to what stands in for a device; on any clock."""

from __future__ import annotations

import contextlib
from typing import ClassVar, Final, Self

import attrs
import trio

from labtroupe.errors import DeviceAbsent, LinkLost, PortInUse
from labtroupe.ports import Plugged
from labtroupe.transport._address import Address
from labtroupe.transport._transport import Transport

_ROOM: Final = 4096
"""Bytes that are kept for the device while it takes none, and for the host: those of a serial port."""

_ports: Final[dict[str, MemoryPort]] = {}
"""Those that are plugged in, by name."""


@attrs.frozen
class MemoryAddress(Address):
    """What stands in for a device in this process, by its name: ``memory:psu``."""

    scheme: ClassVar[str] = "memory"
    example: ClassVar[str] = "memory:psu"
    suggested: ClassVar[bool] = False

    name: str

    @classmethod
    def at(cls, place: str) -> Self:
        """Return the address of the port called ``place``; see `Address.at`."""
        if not place:
            raise ValueError("it names no port")
        return cls(place)

    @property
    def place(self) -> str:
        """The name."""
        return self.name

    def is_there(self, plugged: Plugged) -> bool:  # noqa: ARG002 - nothing of the machine's
        """See `Address.is_there`."""
        return self.name in _ports

    async def open(self, resource: str, undo: contextlib.ExitStack) -> Transport:  # noqa: ARG002 - claimed, that is all
        """Connect; see `Address.open`.

        Raises:
            DeviceAbsent: Nothing of this name is plugged in.
            PortInUse: It is to be somebody else's.
        """
        await trio.lowlevel.checkpoint()
        port = _ports.get(self.name)
        if port is None:
            raise DeviceAbsent(f"{self}: no such device")
        if port.refused:
            raise PortInUse(f"{self} is held by another program")
        return port.connect(self, undo)


@attrs.define(eq=False)
class MemoryPort:
    """The end of a connection at which the device is.

    Attributes:
        name: By which it can be opened while it is plugged in; no two that are can have the same.
        refused: Whether it is somebody else's for all who open it.
    """

    name: str
    refused: bool = False
    _heard: bytearray = attrs.field(factory=bytearray, init=False)
    _host: MemoryTransport | None = attrs.field(default=None, init=False)
    # Unparked when the host has sent something, or taken something.
    _news: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    def plug(self) -> None:
        """Let it be opened; nothing happens if it can.

        Raises:
            ValueError: Another one has its name.
        """
        if _ports.setdefault(self.name, self) is not self:
            raise ValueError(f"there is a memory port {self.name!r} already")

    def unplug(self) -> None:
        """Break the connection, and be gone; nothing happens if it is."""
        if _ports.get(self.name) is self:
            del _ports[self.name]
            self._heard.clear()
            if self._host is not None:
                self._host.lose()
                self._host = None
            self._news.unpark_all()

    def connect(self, address: MemoryAddress, undo: contextlib.ExitStack) -> MemoryTransport:
        """Return a new connection; one that there was before is closed already."""
        self._host = MemoryTransport(address, self, undo.pop_all())
        return self._host

    def say(self, data: bytes) -> int:
        """Send the host what there is room for, and return how many bytes; all, if nobody listens."""
        return len(data) if self._host is None else self._host.take_in(data)

    def take(self, most: int) -> bytes:
        """Return what the host has sent, up to so many bytes; ``b""`` if there is nothing."""
        data = bytes(self._heard[:most])
        del self._heard[:most]
        if data and self._host is not None:
            self._host.wake()
        return data

    async def wait_heard(self) -> None:
        """Wait until the host has sent something."""
        while not self._heard:
            await self._news.park()

    async def wait_changed(self) -> None:
        """Wait until the host has sent or taken something, has closed, or the cable was pulled."""
        await self._news.park()

    def hear(self, data: bytes) -> int:
        """Keep what there is room for, and return how many bytes that was."""
        taken = data[: _ROOM - len(self._heard)]
        self._heard += taken
        self._news.unpark_all()
        return len(taken)

    def hang_up(self, host: MemoryTransport) -> None:
        """Take note that the host has closed; what it has sent is still heard."""
        if self._host is host:
            self._host = None
        self._news.unpark_all()

    def wake(self) -> None:
        """Take note that the host has made room."""
        self._news.unpark_all()


@attrs.define(eq=False)
class MemoryTransport(Transport):
    """Bytes to and from a `MemoryPort`."""

    address: Address
    _port: MemoryPort
    # Gives up the claim.
    _undo: contextlib.ExitStack
    _input: bytearray = attrs.field(factory=bytearray, init=False)
    _lost: bool = attrs.field(default=False, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _sending: bool = attrs.field(default=False, init=False)
    _receiving: bool = attrs.field(default=False, init=False)
    _news: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    async def send(self, data: bytes) -> None:
        """See `Transport.send`."""
        if self._sending:
            raise trio.BusyResourceError("another task is sending")
        self._sending = True
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._check()
            while data := data[self._port.hear(data) :]:
                await self._news.park()
                self._check()
        finally:
            self._sending = False

    async def receive(self) -> bytes:
        """See `Transport.receive`."""
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving")
        self._receiving = True
        try:
            await trio.lowlevel.checkpoint()
            # Nothing comes between the last wait and the caller.
            while not (data := self.receive_nowait()):
                await self._news.park()
            return data
        finally:
            self._receiving = False

    def receive_nowait(self) -> bytes:
        """See `Transport.receive_nowait`."""
        if not self._input or self._closed:
            self._check()
        data = bytes(self._input)
        self._input.clear()
        self._port.wake()
        return data

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        if not self._closed:
            self._closed = True
            self._undo.close()
            self._port.hang_up(self)
            self.wake()
        await trio.lowlevel.checkpoint()

    def take_in(self, data: bytes) -> int:
        """Take what the device says, as far as there is room."""
        taken = data[: _ROOM - len(self._input)]
        self._input += taken
        self.wake()
        return len(taken)

    def lose(self) -> None:
        """Have lost the device; what it has said can still be received."""
        self._lost = True
        self.wake()

    def wake(self) -> None:
        """Have those look again who wait."""
        self._news.unpark_all()

    def _check(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError(f"{self.address} is closed")
        if self._lost:
            raise LinkLost(f"{self.address}: the device is gone")
