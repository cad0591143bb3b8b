"""What all transports over USB have in common: an open device, its input, and its end."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Awaitable, Callable

import attrs
import trio

from labtroupe.errors import LinkLost
from labtroupe.transport._address import Address
from labtroupe.transport._threads import call_in_thread
from labtroupe.transport._transport import Transport
from labtroupe.transport._usb_descriptors import BulkInterface
from labtroupe.transport._usb_handle import BULK, Handle, Transfer

_CLOSE_LIMIT = 1.0
"""Seconds that closing waits for a driver."""


async def _nothing() -> bool:
    return False


@attrs.define(eq=False)
class UsbTransport(Transport):
    """What bulk and USBTMC have in common: an open device, and its input."""

    address: Address
    _handle: Handle
    _interface: BulkInterface
    # Releases the interface, closes the device, then gives up the claim.
    _undo: contextlib.ExitStack
    # It belongs to the transport, and not to who receives: so a cancellation loses none of it.
    _input: bytearray = attrs.field(factory=bytearray, init=False)
    # How much of the last transfer that was begun has left.
    _left: int = attrs.field(default=0, init=False)
    _fault: str = attrs.field(default="", init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _sending: bool = attrs.field(default=False, init=False)
    _receiving: bool = attrs.field(default=False, init=False)

    @abc.abstractmethod
    async def greet(self) -> None:
        """Begin to talk, right after it was opened."""

    @abc.abstractmethod
    async def _send(self, data: bytes) -> None:
        """Send all of ``data``; nobody else does."""

    @abc.abstractmethod
    async def _ask(self) -> bool:
        """See to it that input can come; return whether that took time."""

    async def send(self, data: bytes) -> None:
        """See `Transport.send`."""
        if self._sending:
            raise trio.BusyResourceError("another task is sending")
        self._sending = True
        try:
            self._check()
            await trio.lowlevel.checkpoint_if_cancelled()
            await self._send(data)
        finally:
            self._sending = False

    async def receive(self) -> bytes:
        """See `Transport.receive`."""
        return await self._receive(self._ask)

    async def receive_unasked(self) -> bytes:
        """See `Transport.receive_unasked`."""
        return await self._receive(_nothing)

    async def _receive(self, ask: Callable[[], Awaitable[bool]]) -> bytes:
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving")
        self._receiving = True
        try:
            await trio.lowlevel.checkpoint()
            while not (data := self.receive_nowait()):
                # What happened while it asked was not waited for.
                if not await ask():
                    await self._handle.activity.park()
            return data
        finally:
            self._receiving = False

    def receive_nowait(self) -> bytes:
        """See `Transport.receive_nowait`."""
        if self._input and not self._closed:
            data = bytes(self._input)
            self._input.clear()
            return data
        self._check()
        return b""

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        self._handle.activity.unpark_all()
        await self._handle.stop()
        # In a thread, and bounded: the kernel may wait for the device.  If cancelled it is done all the same.
        with trio.move_on_after(_CLOSE_LIMIT):
            await call_in_thread(lambda _: self._undo.close(), contextlib.ExitStack())

    def _check(self) -> None:
        """Raise what keeps it from being used."""
        if self._closed:
            raise trio.ClosedResourceError(f"{self.address} is closed")
        if self._handle.gone:
            raise LinkLost(f"{self.address}: the device is gone")
        if self._fault:
            raise LinkLost(f"{self.address}: {self._fault}")

    async def _put(self, data: bytes) -> None:
        """Send one transfer; however it ends, `_left` says how much of it has left."""
        self._left = 0
        transfer = self._begin(self._interface.bulk_out, data)
        try:
            await self._handle.wait_done(transfer)
        finally:
            self._left = transfer.length
        self._settle(transfer)

    def _begin(
        self,
        endpoint: int,
        data: bytes | int,
        when_done: Callable[[Transfer], None] = lambda _: None,
        *,
        kind: int = BULK,
    ) -> Transfer:
        """Begin a transfer.

        Raises:
            LinkLost: It could not be begun.
        """
        self._check()
        try:
            return self._handle.submit(endpoint, data, when_done, kind=kind)
        except OSError as error:
            self._fault = f"a transfer cannot begin ({error})"
            raise LinkLost(f"{self.address}: {self._fault}") from error

    def _settle(self, transfer: Transfer) -> None:
        """Raise what went wrong with a transfer."""
        self._fault = self._fault or transfer.fault
        self._check()
