"""What joins a simulated device with a port, plugged in and out.

A cable of the operating system's is a file descriptor that may come and go.
Everything is done with plain non-blocking calls and trio's ``wait_readable``
and ``wait_writable``, so plugging and unplugging are synchronous: when they
return, the other side has found or lost its port.
"""

from __future__ import annotations

import abc
import io
import os
from collections.abc import Callable

import attrs
import trio

Hear = Callable[[bytes], None]

_CHUNK = 4096


def _nothing() -> None:
    return


@attrs.define(eq=False)
class Cable(abc.ABC):
    """A way for bytes from a device to whoever opened its port, and back.

    Attributes:
        refused: Whether it is somebody else's for all who open it.
        pause: Seconds between two bytes that the device takes; 0 if it takes what comes.
        on_clear: Called when the device was told to forget what it was asked; only some buses can.
    """

    refused: bool = attrs.field(default=False, init=False)
    pause: float = attrs.field(default=0.0, init=False)
    on_clear: Callable[[], None] = attrs.field(default=_nothing, init=False)
    _paced: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    @property
    @abc.abstractmethod
    def address(self) -> str:
        """Where to open it, as a transport's address; the same as long as the cable lives."""

    @abc.abstractmethod
    def plug(self) -> None:
        """Put the cable in; nothing happens if it is."""

    @abc.abstractmethod
    def unplug(self) -> None:
        """Pull the cable out; nothing happens if it is."""

    @abc.abstractmethod
    def close(self) -> None:
        """Give the port up for good."""

    @abc.abstractmethod
    async def run(self, hear: Hear) -> None:
        """Hand every byte that comes to ``hear`` until cancelled; what it raises comes out here."""

    @abc.abstractmethod
    def send_now(self, data: bytes) -> int:
        """Send as much of ``data`` as there is room for, and return how many bytes that was.

        A device does not know whether anybody listens: all counts as sent where nobody does.
        """

    @abc.abstractmethod
    async def send(self, data: bytes) -> None:
        """Send all of ``data``, waiting for room; what is left when the cable is pulled is lost."""

    def move(self) -> None:  # noqa: B027 - where there is one place only, nothing is elsewhere
        """Be elsewhere the next time that the cable is put in."""

    def refuse(self, *, refused: bool) -> None:
        """Be somebody else's for all who open it, or not any more; who has it open keeps it."""
        self.refused = refused

    def slow_down(self, pause: float) -> None:
        """Let the device take its bytes with a pause after each; 0 for none."""
        if pause != self.pause:
            self.pause = pause
            self._paced.unpark_all()

    async def wait_paced(self) -> int:
        """Wait until the device takes something again, and return how many bytes at most."""
        if not self.pause:
            return _CHUNK
        with trio.move_on_after(self.pause):
            await self._paced.park()
        return 1


@attrs.define(eq=False)
class DescriptorCable(Cable):
    """A cable to a port of the operating system's."""

    # An object and not a number: numbers are used again as soon as they are free.
    _pipe: io.FileIO | None = attrs.field(default=None, init=False)
    _plugging: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    def send_now(self, data: bytes) -> int:
        """See `Cable.send_now`."""
        if self._pipe is None:
            return len(data)
        try:
            return os.write(self._pipe.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError:
            # The other side has gone; whoever reads is told the same.
            return len(data)

    async def send(self, data: bytes) -> None:
        """See `Cable.send`."""
        pipe = self._pipe
        while pipe is not None and pipe is self._pipe and (data := data[self.send_now(data) :]):
            try:
                await trio.lowlevel.wait_writable(pipe)
            except trio.ClosedResourceError:
                return

    async def _pump(self, pipe: io.FileIO, hear: Hear) -> None:
        """Hand on what comes until the other side has gone, or ``pipe`` was closed."""
        while pipe is self._pipe:
            try:
                await trio.lowlevel.wait_readable(pipe)
                room = await self.wait_paced()
                if pipe is not self._pipe:
                    return
                data = os.read(pipe.fileno(), room)
            except BlockingIOError:
                continue
            except (trio.ClosedResourceError, OSError):
                return
            if not data:
                return
            hear(data)

    def _hang_up(self) -> None:
        """Close what is open towards the other side."""
        if self._pipe is not None:
            trio.lowlevel.notify_closing(self._pipe)
            self._pipe.close()
            self._pipe = None
