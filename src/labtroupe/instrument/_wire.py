"""An open transport, cut into frames, and talked over with the device's manners."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import attrs
import trio

from labtroupe.errors import ArgumentError, DeviceSilent, ProtocolError, sentence
from labtroupe.instrument._debts import Debts
from labtroupe.instrument._manners import Manners
from labtroupe.protocol import Decoder
from labtroupe.transport import Transport

SHOWN: Final = 40
"""Bytes of unexpected input that an error shows."""


# Pieces of input that are looked at before a request; who sends more than that never pauses.
_MOST_PIECES: Final = 16


def ignore(_: bytes) -> None:
    """Take a frame that nobody wants."""


@attrs.define(eq=False)
class Wire:
    """Frames to and from one device, as long as its transport is open.

    It knows nothing of being in step: it sends what it is told, and takes out of what comes only
    what is declared to be no answer.

    Attributes:
        address: Where it leads, for people.
        debts: What former exchanges have left in the device.
        on_unsolicited: Told each frame that the device sends by itself, as soon as it has come.
    """

    address: str
    debts: Debts
    _manners: Manners
    _transport: Transport
    _decoder: Decoder
    on_unsolicited: Callable[[bytes], None] = attrs.field(default=ignore, init=False)
    # Whether the next frame has begun before the last request was sent, and so does not answer it.
    _begun: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Give the device the pause it needs."""
        self._pause()

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()

    def encode(self, request: bytes) -> bytes:
        """Return a request as it goes over the wire.

        Raises:
            ArgumentError: It cannot be sent as one request.
        """
        return self._manners.framing.encode(request)

    async def send(self, request: bytes, data: bytes) -> None:
        """Send a request, which encoded is ``data``; after the pause, and what ends half a command.

        Raises:
            LinkLost: The connection broke.
        """
        await self.end_half_command()
        await self._wait_pause()
        self.debts.owe(request)
        self._begun = bool(self._decoder.pending)
        await self._write(data)

    async def end_half_command(self) -> bool:
        """End the half of a command that may be waiting in the device: it would swallow the next one.

        Returns:
            Whether none waits there now; not all framings have an end that could be sent.

        Raises:
            LinkLost: The connection broke.
        """
        if not self.debts.cut_short:
            return True
        await self._wait_pause()
        self.debts.cut_short = False
        try:
            end = self.encode(b"")
        except ArgumentError:
            return False
        await self._write(end)
        return True

    async def answer(self, request: bytes) -> bytes:
        """Wait for a frame that may answer ``request``, as it was sent.

        Raises:
            DeviceSilent: Nothing has come for as long as the device is never silent.
            LinkLost: The connection broke.
            ProtocolError: What came is no frame, or no answer.
        """
        busy, tag = self._manners.busy, self._manners.tag
        while True:
            while (frame := self._next_frame()) is None:
                await self._hear_in_time(request)
            self._pause()
            if busy is not None and busy(frame):
                continue
            if tag is None or tag.matches(request, frame):
                return frame

    async def receive_anything(self) -> bytes:
        """Return the next frame, whatever garbage comes before it.

        Raises:
            LinkLost: The connection broke.
        """
        while True:
            with suppress(ProtocolError):
                while (frame := self._next_frame()) is None:
                    await self.hear()
                self._pause()
                return frame

    async def hear(self) -> None:
        """Wait until something comes.

        Raises:
            LinkLost: The connection broke.
        """
        self._decoder.feed(await self._transport.receive())

    async def overhear(self) -> None:
        """Wait until something comes that nobody has asked for.

        Raises:
            LinkLost: The connection broke.
        """
        self._decoder.feed(await self._transport.receive_unasked())

    def take_stray(self) -> str | None:
        """Return what there is of input that nobody has asked for, in words.

        That is an answer given up long ago, or the device has been switched on and says so.  What
        the device says by itself is none; nor is any answer that says what it answers.

        Raises:
            LinkLost: The connection broke.
        """
        sorting = self._manners.tag is not None or self._manners.unsolicited is not None
        for _ in range(_MOST_PIECES):
            data = self._transport.receive_nowait()
            if data:
                self._decoder.feed(data)
            if not sorting:
                pending = self._decoder.pending
                return _unasked(pending) if pending else None
            stray = self._sort_out()
            if stray is not None or not data:
                return stray
        return "more came without being asked for than can be looked at"

    async def finish_frame(self) -> None:
        """Wait until what has come of a frame is all of it.

        Raises:
            LinkLost: The connection broke.
        """
        while self._decoder.pending:
            await self.hear()
            self._sort_out()

    def drop_input(self) -> bool:
        """Drop what has come so far, and return whether that was anything."""
        dropped = bool(self._decoder.pending)
        self._decoder.clear()
        self._begun = False
        return dropped

    async def clear_device(self) -> bool:
        """Clear the device, and return whether its port can.

        Raises:
            LinkLost: The connection broke.
        """
        cleared = await self._transport.clear()
        if cleared:
            self.drop_input()
            self.debts.cut_short = False
            self.debts.settle()
        return cleared

    def not_before(self, request: bytes) -> float:
        """Return when a request, as it is to be sent, may be, on trio's clock."""
        tag = self._manners.tag
        if tag is None:
            return self.debts.not_before
        return max(self.debts.not_before, tag.not_before(request, self.debts))

    def _next_frame(self) -> bytes | None:
        """Return the next whole frame that may be an answer to what was sent last."""
        unsolicited = self._manners.unsolicited
        while (frame := self._decoder.next_frame()) is not None:
            begun, self._begun = self._begun, False
            if unsolicited is not None and unsolicited(frame):
                self.on_unsolicited(frame)
            elif not begun:
                return frame
            elif self._manners.tag is None:
                raise ProtocolError(f"{self.address}: {_unasked(frame)}")
        return None

    def _sort_out(self) -> str | None:
        """Take whole frames that are no answer, and say why one is stray."""
        tagged = self._manners.tag is not None
        while True:
            try:
                frame = self._next_frame()
            except ProtocolError as error:
                if not tagged:
                    return sentence(error)
                continue
            if frame is None:
                return None
            if not tagged:
                return _unasked(frame)

    async def _hear_in_time(self, request: bytes) -> None:
        limit = self._manners.silence
        if limit == math.inf:
            await self.hear()
            return
        with trio.move_on_after(limit) as scope:
            await self.hear()
        if scope.cancelled_caught:
            raise DeviceSilent(f"{self.address}: silent for {limit:g} s while asked {request[:SHOWN]!r}")

    async def _wait_pause(self) -> None:
        if self.debts.not_before > trio.current_time():
            await trio.sleep_until(self.debts.not_before)

    def _pause(self) -> None:
        if self._manners.spacing:
            self.debts.not_before = trio.current_time() + self._manners.spacing

    async def _write(self, data: bytes) -> None:
        self.debts.cut_short = True
        try:
            await self._transport.send(self._decoder.outgoing(data))
        finally:
            self._pause()
        self.debts.cut_short = False


def _unasked(data: bytes) -> str:
    return f"{data[:SHOWN]!r} came without being asked for"


def anything(_: object) -> bool:
    """Take whatever comes for an answer: the shape check of those that declare none."""
    return True


def to_ascii(text: str) -> bytes:
    """Return a request of text as bytes.

    Raises:
        ArgumentError: It is not ASCII.
    """
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise ArgumentError(f"{text!r} is not ASCII") from None
    except AttributeError:
        raise TypeError(f"{text!r} is no text; bytes go with `exchange` or `send`") from None
