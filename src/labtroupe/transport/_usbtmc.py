"""USBTMC: messages for test and measurement devices over USB."""

from __future__ import annotations

import enum
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

_FROM_INTERFACE, _FROM_ENDPOINT = 0xA1, 0xA2
"""Kinds of control requests that are defined by the class of an interface, and answered."""

_PAUSE: Final = 0.01
"""Seconds until a device is asked again that has nothing, or is not ready."""

_WHOLE: Final = 1 << 20
"""Bytes of a message that are kept until it is whole; of a longer one those are handed over that came."""

_REST: Final = 0.1
"""Seconds that the rest of a message may take; some devices never say that one ends."""


class _Left(enum.Enum):
    """What a message or a request that was cut off has left in the device."""

    NOTHING = enum.auto()
    TRANSFER = enum.auto()
    """A part of one transfer, which can be taken back."""
    MORE = enum.auto()
    """What only a device clear can end."""


@attrs.define(eq=False)
class UsbtmcTransport(UsbTransport):
    """Messages; each `send` is one, and what is received are the bytes in the device's.

    A device sends only what it was asked for.  It is asked by the first `receive` after all that it had to
    say was received; cancelled, the request stays, and its answer is the next call's.  Before the next
    message is sent, it is taken back: the device would not expect one while it is asked.
    """

    _tag: int = attrs.field(default=0, init=False)
    # What the device was asked for and has not all come yet.
    _response: Response | None = attrs.field(default=None, init=False)
    # What has come of a message that is not whole.
    _part: bytearray = attrs.field(factory=bytearray, init=False)
    # When the latest of it came.
    _heard_at: float = attrs.field(default=0.0, init=False)
    # Whether the device has begun with a message, and not said that it has ended.
    _begun: bool = attrs.field(default=False, init=False)
    # Whether the last response was empty.
    _idle: bool = attrs.field(default=False, init=False)
    _reading: Transfer | None = attrs.field(default=None, init=False)
    _left_there: _Left = attrs.field(default=_Left.NOTHING, init=False)
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
            if self._response and not self._begun:
                await self._take_back()
            await self._make_ready(stuck=self._begun)
            self._idle = False
            for at in range(0, len(data), PIECE):
                last = at + PIECE >= len(data)
                transfer = message_out(self._next_tag(), data[at : at + PIECE], end=last)
                try:
                    await self._put(transfer)
                finally:
                    self._note_left(len(transfer), first=not at, last=last)

    async def _ask(self) -> bool:
        """Ask the device for what it has to say, unless it was asked already."""
        if self._part and trio.current_time() >= self._heard_at + _REST:
            self._hand_over()
            return True
        if self._response:
            return await self._wait_rest()
        if self._idle:
            await trio.sleep(_PAUSE)
        async with self._turn:
            await self._make_ready(stuck=False)
            request = request_in(self._next_tag(), PIECE)
            try:
                await self._put(request)
            finally:
                # Cancelled, it may have been asked all the same; its answer is then somebody else's.
                self._note_left(len(request), first=True, last=True)
                if self._left == len(request) and not self._closed:
                    self._response = Response(self._tag)
                    self._read()
        return True

    async def _wait_rest(self) -> bool:
        """Wait for more of a message that has begun to come, but not for ever."""
        if not self._part:
            return False
        with trio.move_on_at(self._heard_at + _REST):
            await self._handle.activity.park()
        return True

    def _next_tag(self) -> int:
        self._tag = next_tag(self._tag)
        return self._tag

    def _note_left(self, length: int, *, first: bool, last: bool) -> None:
        """Note what the device has of a message, after a transfer of so many bytes has ended somehow."""
        if self._left == length:
            self._left_there = _Left.NOTHING if last else _Left.MORE
        elif first:
            self._left_there = _Left.TRANSFER if self._left else _Left.NOTHING

    def _read(self) -> None:
        self._reading = self._begin(self._interface.bulk_in, TRANSFER, self._arrived)

    def _arrived(self, transfer: Transfer) -> None:
        self._reading, response = None, self._response
        self._fault = self._fault or transfer.fault
        if transfer.status != COMPLETED or self._closed or not response:
            return
        try:
            self._take(response, transfer.data)
            if not response.complete:
                self._read()
        except (ValueError, LinkLost) as error:
            # Whoever uses it next is told.
            self._fault = self._fault or str(error)

    def _take(self, response: Response, data: bytes) -> None:
        """Take a part of a message; it is handed over when it is whole."""
        if part := response.feed(data):
            self._part += part
            self._begun, self._heard_at = True, trio.current_time()
        if response.complete:
            self._response, self._idle = None, not response.size
            self._begun = self._begun and not response.ends
        if not self._begun or len(self._part) >= _WHOLE:
            self._hand_over()

    def _hand_over(self) -> None:
        self._input += self._part
        self._part.clear()

    async def _make_ready(self, *, stuck: bool) -> None:
        """End what was cut off; clear the device if that fails, or it is stuck in a message of its own."""
        if self._left_there is _Left.TRANSFER:
            await self._take_back_half()
        if (stuck or self._left_there is not _Left.NOTHING) and not await self._clear():
            raise LinkLost(f"{self.address}: the device is in the middle of a message, and cannot be cleared")

    async def _take_back_half(self) -> None:
        """Take back what has left of the last transfer, by USBTMC 1.0, 4.2.1.2; nobody else sends."""
        end = self._interface.bulk_out
        status = await self._control(Control.INITIATE_ABORT_BULK_OUT, 2, end)
        if status == Status.SUCCESS and await self._is_done(Control.CHECK_ABORT_BULK_OUT_STATUS, 8, end):
            await self._handle.clear_halt(end)
            self._left_there = _Left.NOTHING

    async def _take_back(self) -> None:
        """Take back what the device was asked for, by USBTMC 1.0, 4.2.1.4; nobody else sends."""
        end = self._interface.bulk_in
        # Set first and cleared last.
        self._left_there = _Left.MORE
        await self._stop_reading()
        # No message was sent since, so the last tag is that of the request.
        status = await self._control(Control.INITIATE_ABORT_BULK_IN, 2, end)
        if status == Status.SUCCESS and await self._is_done(Control.CHECK_ABORT_BULK_IN_STATUS, 8, end):
            self._left_there = _Left.NOTHING

    async def _clear(self) -> bool:
        """Clear the device, by USBTMC 1.0, 4.2.1.6; nobody else sends."""
        asked = self._response is not None
        await self._stop_reading()
        self._part.clear()
        self._input.clear()
        # Set first and cleared last: half a clear is no better than half a message.
        before, self._left_there = self._left_there, _Left.MORE
        if await self._control(Control.INITIATE_CLEAR, 1) != Status.SUCCESS:
            self._left_there = before
            if asked:
                await self._take_back()
            return False
        if not await self._is_done(Control.CHECK_CLEAR_STATUS, 2):
            return False
        await self._handle.clear_halt(self._interface.bulk_out)
        self._left_there, self._begun = _Left.NOTHING, False
        return True

    async def _stop_reading(self) -> None:
        """Wait for no answer any more."""
        # First, so that what arrives while its transfer is ended is nobody's, and no other is begun.
        self._response = None
        if self._reading:
            await self._handle.end(self._reading)

    async def _is_done(self, check: Control, size: int, endpoint: int = 0) -> bool:
        """Take what the device still has to say until it is done, and return whether that went well."""
        while (status := await self._control(check, size, endpoint)) == Status.PENDING:
            transfer = self._begin(self._interface.bulk_in, TRANSFER)
            with trio.move_on_after(_PAUSE):
                await self._handle.wait_done(transfer)
        return status == Status.SUCCESS

    async def _control(self, request: Control, size: int, endpoint: int = 0) -> int:
        """Return what the device answers to a control request about an endpoint, or about all."""
        kind, index = (_FROM_ENDPOINT, endpoint) if endpoint else (_FROM_INTERFACE, self._interface.number)
        setup = _SETUP.pack(kind, request, self._tag if endpoint else 0, index, size)
        transfer = self._begin(0, setup + bytes(size), kind=CONTROL)
        await self._handle.wait_done(transfer)
        if transfer.status == STALL:
            return Status.UNKNOWN
        self._settle(transfer)
        return transfer.buffer.raw[len(setup)]
