"""A transport over a file descriptor: a serial port, or a socket."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios

import attrs
import trio

from labtroupe.errors import LinkLost
from labtroupe.transport._address import Address
from labtroupe.transport._threads import call_in_thread
from labtroupe.transport._transport import Transport

_CHUNK = 65536
"""Bytes taken in one read."""

_SENT_LIMIT = 0.5
"""Seconds that closing waits for what was sent to leave: 480 bytes at 9600 baud."""

_SENT_POLL = 0.005
"""Seconds between two looks at the output queue."""

_CLOSE_LIMIT = 1.0
"""Seconds that closing waits for a driver."""


@attrs.define(eq=False)
class DescriptorTransport(Transport):
    """Bytes over a non-blocking file descriptor, by trio and the operating system alone."""

    address: Address
    _fd: int
    # Closes the descriptor, then gives up the claim.
    _undo: contextlib.ExitStack
    # What the end of input means; a subclass may know better.
    _ended: str
    _lost: bool = attrs.field(default=False, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _sending: bool = attrs.field(default=False, init=False)

    async def send(self, data: bytes) -> None:
        """See `Transport.send`."""
        # Kept by us: between two waits of the first sender the kernel would let a second one in.
        if self._sending:
            raise trio.BusyResourceError("another task is sending")
        self._sending = True
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            sent = self._write(data)
            while sent < len(data):
                await trio.lowlevel.wait_writable(self._out)
                sent += self._write(memoryview(data)[sent:])
        finally:
            self._sending = False

    async def receive(self) -> bytes:
        """See `Transport.receive`."""
        self._check_open()
        while True:
            # Waits first, so that this always is a checkpoint, and refuses a second receiver; reads
            # last, so that nothing can come between the bytes and the caller.
            await trio.lowlevel.wait_readable(self._fd)
            if data := self.receive_nowait():
                return data

    def receive_nowait(self) -> bytes:
        """See `Transport.receive_nowait`."""
        self._check_open()
        try:
            data = self._read()
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._loss(error) from error
        if not data:
            raise self._loss()
        return data

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        trio.lowlevel.notify_closing(self._fd)
        if self._out != self._fd:
            trio.lowlevel.notify_closing(self._out)
        try:
            with trio.move_on_after(_SENT_LIMIT):
                await self._wait_sent()
        finally:
            await self._release()

    async def _release(self) -> None:
        # In a thread, and bounded: some drivers talk to their device to close it, and wait 5 s for
        # each answer that does not come.  If cancelled it is done all the same.
        with trio.move_on_after(_CLOSE_LIMIT):
            await call_in_thread(lambda _: self._undo.close(), contextlib.ExitStack())

    @property
    def _out(self) -> int:
        """The descriptor that output goes to."""
        return self._fd

    def _read(self) -> bytes:
        """Read what there is, at once."""
        return os.read(self._fd, _CHUNK)

    async def _wait_sent(self) -> None:
        # An error means that it is gone, or that it cannot tell: nothing to wait for.
        with contextlib.suppress(OSError):
            while not self._lost and self._unsent():  # noqa: ASYNC110 - the kernel has no event for it
                await trio.sleep(_SENT_POLL)

    def _write(self, data: bytes | memoryview) -> int:
        """Write what there is room for and return how much that was."""
        self._check_open()
        try:
            return os.write(self._out, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._loss(error) from error

    def _unsent(self) -> int:
        """Return how much of what was sent has not left yet."""
        return unsent(self._fd)

    def _check_open(self) -> None:
        # Looked at after every wait: the number may belong to another file by then.
        if self._closed:
            raise trio.ClosedResourceError(f"{self.address} is closed")

    def _loss(self, error: OSError | None = None) -> LinkLost:
        """Note that it is lost, by an ``error`` or at the end of input, and return what says so."""
        self._lost = True
        return LinkLost(f"{self.address}: {self._cause(error)}")

    def _cause(self, error: OSError | None) -> str:
        return f"the connection broke ({error.strerror})" if error else self._ended


def unsent(fd: int) -> int:
    """Return how many bytes the kernel holds that the device has not got yet."""
    (count,) = struct.unpack("I", fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)))
    return int(count)
