"""USBTMC: messages for test and measurement devices over USB."""

from __future__ import annotations

import struct
from typing import Final

import attrs
import trio

from labtroupe.errors import LinkLost
from labtroupe.transport._usb_handle import COMPLETED, CONTROL, STALL, Transfer
from labtroupe.transport._usb_transport import UsbTransport
from labtroupe.transport._usbtmc_messages import (
    PIECE,
    TRANSFER,
    Control,
    Response,
    Status,
    message_out,
    next_tag,
    request_in,
)

_SETUP: Final = struct.Struct("<BBHHH")
"""Of a control transfer: kind, request, value, index, size."""

_FROM_INTERFACE: Final = 0xA1
"""The kind of control request that the class of an interface defines, and that is answered."""

_PAUSE: Final = 0.01
"""Seconds until a device is asked again that has nothing, or is not ready."""


@attrs.define(eq=False)
class UsbtmcTransport(UsbTransport):
    """Messages; each `send` is one, and what is received are the bytes in the device's.

    A device sends only what it was asked for.  It is asked by the first `receive` after all that it had to
    say was received; cancelled, the request stays, and its answer is the next call's.
    """

    _tag: int = attrs.field(default=0, init=False)
    # What the device was asked for and has not all come yet.
    _response: Response | None = attrs.field(default=None, init=False)
    # Whether the last one was empty.
    _idle: bool = attrs.field(default=False, init=False)
    _reading: Transfer | None = attrs.field(default=None, init=False)
    # Whether the device has half a message, and would take the next one for the rest.
    _halfway: bool = attrs.field(default=False, init=False)
    # One at a time on the way out: messages and requests.
    _turn: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    async def greet(self) -> None:
        """Clear the device: whoever spoke to it before may have left half a message."""
        await self.clear()

    async def clear(self) -> bool:
        """See `Transport.clear`; false also where a device lacks what it should have."""
        self._check()
        async with self._turn:
            return await self._clear()

    async def _send(self, data: bytes) -> None:
        async with self._turn:
            await self._end_half()
            self._idle = False
            for at in range(0, len(data), PIECE):
                end = at + PIECE >= len(data)
                transfer = message_out(self._next_tag(), data[at : at + PIECE], end=end)
                try:
                    await self._put(transfer)
                finally:
                    self._halfway = bool(at or self._left) and not (end and self._left == len(transfer))

    async def _ask(self) -> bool:
        """Ask the device for what it has to say, unless it was asked already."""
        if self._response:
            return False
        if self._idle:
            await trio.sleep(_PAUSE)
        async with self._turn:
            await self._end_half()
            request = request_in(self._next_tag(), PIECE)
            try:
                await self._put(request)
            finally:
                # Cancelled, it may have been asked all the same; its answer is then somebody else's.
                self._halfway = 0 < self._left < len(request)
                if self._left == len(request) and not self._closed:
                    self._response = Response(self._tag)
                    self._read()
        return True

    def _next_tag(self) -> int:
        self._tag = next_tag(self._tag)
        return self._tag

    def _read(self) -> None:
        self._reading = self._begin(self._interface.bulk_in, TRANSFER, self._arrived)

    def _arrived(self, transfer: Transfer) -> None:
        self._reading = None
        self._fault = self._fault or transfer.fault
        if transfer.status != COMPLETED or self._closed or not self._response:
            return
        try:
            self._input += self._response.feed(transfer.data)
            if self._response.complete:
                self._idle = not self._response.size
                self._response = None
            else:
                self._read()
        except (ValueError, LinkLost) as error:
            # Whoever uses it next is told.
            self._fault = self._fault or str(error)

    async def _end_half(self) -> None:
        """Let the device forget half a message, if it has one."""
        if self._halfway and not await self._clear():
            raise LinkLost(f"{self.address}: the device has half a message, and cannot be cleared")

    async def _clear(self) -> bool:
        """Clear the device, by USBTMC 1.0, 4.2.1.6; nobody else sends."""
        # First, so that what arrives while its transfer is ended is nobody's, and no other is begun.
        self._response = None
        self._input.clear()
        if self._reading:
            await self._handle.end(self._reading)
        # Set first and cleared last: half a clear is no better than half a message.
        halfway, self._halfway = self._halfway, True
        if await self._control(Control.INITIATE_CLEAR, 1) == Status.UNKNOWN:
            self._halfway = halfway
            return False
        while await self._control(Control.CHECK_CLEAR_STATUS, 2) == Status.PENDING:
            await self._drain()
        await self._handle.clear_halt(self._interface.bulk_out)
        self._halfway = False
        return True

    async def _drain(self) -> None:
        """Take what the device still has to say, so that it can clear itself."""
        transfer = self._begin(self._interface.bulk_in, TRANSFER)
        with trio.move_on_after(_PAUSE):
            await self._handle.wait_done(transfer)

    async def _control(self, request: Control, size: int) -> Status:
        """Return what the device answers to a control request.

        Raises:
            LinkLost: It refuses it.
        """
        setup = _SETUP.pack(_FROM_INTERFACE, request, 0, self._interface.number, size)
        transfer = self._begin(0, setup + bytes(size), kind=CONTROL)
        await self._handle.wait_done(transfer)
        if transfer.status == STALL:
            return Status.UNKNOWN
        self._settle(transfer)
        status = transfer.buffer.raw[len(setup)]
        if status not in set(Status):
            self._fault = f"the device refuses {request.name} with status 0x{status:02x}"
            self._check()
        return Status(status)
