"""A USB device that speaks USBTMC, as USBTMC 1.0 has it."""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from typing import ClassVar, Final

import attrs

from labtroupe.testing._usb._device import UsbDevice

# What is here is written a second time, on the other side, in `labtroupe.transport`: what both
# read from one place both would have wrong.
_HEADER: Final = struct.Struct("<BBBxIBxxx")
"""Kind, tag, its complement, size and attributes (tables 1 to 9)."""

_DEV_DEP_MSG = 1
_RESPONSE = 2
_END = 1
_COMPLEMENT = 0xFF


class Request(enum.IntEnum):
    """Control requests: whom they are for (4.2.1), and which (table 15)."""

    ABORT_OUT = 0xA201
    CHECK_ABORT_OUT = 0xA202
    ABORT_IN = 0xA203
    CHECK_ABORT_IN = 0xA204
    CLEAR = 0xA105
    CHECK_CLEAR = 0xA106


_SUCCESS, _PENDING, _FAILED, _NOT_IN_PROGRESS = 0x01, 0x02, 0x80, 0x81
"""What is answered to them (table 16)."""

_MORE = 0x01
"""There is something to be read before it is done."""

_ENDLESS: Final = 1 << 30


def _no_answer(_: bytes) -> bytes:
    return b""


@attrs.define(eq=False)
class Scope(UsbDevice):
    """It takes messages, and answers when it is asked.  It can have the faults that such devices have.

    Attributes:
        core: Makes an answer of a message.
        silent: Whether it leaves who asks without an answer.
        deaf: Whether it takes nothing.
        empty: Whether it answers with nothing what it has no answer to yet.
        piece: How many bytes it sends for one request, at most.
        tag_lie: What it adds to the tag of a request when it answers.
        rest: What has to be fetched from it before it is cleared.
        knows_clear: Whether it can be cleared.
        knows_abort: Whether a transfer can be taken back.
        says_ends: Whether it ever says that a message of its own has ended.
        answer: What it has to say.
        wanted: The tag and the size of the request that it has to answer.
        tags: Those of all that it was sent.
        messages: All that have come.
        aborted: Which transfers were taken back: those that went "out" to it, or came "in".
    """

    interface_class: ClassVar[tuple[int, int, int]] = (0xFE, 3, 1)

    core: Callable[[bytes], bytes] = _no_answer
    room: int = attrs.field(default=_ENDLESS, kw_only=True)
    silent: bool = attrs.field(default=False, init=False)
    deaf: bool = attrs.field(default=False, init=False)
    empty: bool = attrs.field(default=False, init=False)
    piece: int = attrs.field(default=_ENDLESS, init=False)
    tag_lie: int = attrs.field(default=0, init=False)
    rest: bytes = attrs.field(default=b"", init=False)
    knows_clear: bool = attrs.field(default=True, init=False)
    knows_abort: bool = attrs.field(default=True, init=False)
    says_ends: bool = attrs.field(default=True, init=False)
    answer: bytearray = attrs.field(factory=bytearray, init=False)
    wanted: tuple[int, int] | None = attrs.field(default=None, init=False)
    tags: list[int] = attrs.field(factory=list[int], init=False)
    messages: list[bytes] = attrs.field(factory=list[bytes], init=False)
    aborted: list[str] = attrs.field(factory=list[str], init=False)
    _head: bytearray = attrs.field(factory=bytearray, init=False)
    # What is still to come of a transfer.
    _body: int = attrs.field(default=0, init=False)
    _padding: int = attrs.field(default=0, init=False)
    _ends: bool = attrs.field(default=False, init=False)
    _message: bytearray = attrs.field(factory=bytearray, init=False)
    # How much of the message had come before this transfer.
    _before: int = attrs.field(default=0, init=False)

    def take(self, data: bytes) -> int:
        """Take bytes of messages and requests; see `UsbDevice.take`."""
        at = 0
        while not self.deaf and at < len(data) and (step := self._step(data[at:])):
            at += step
        return at

    def say(self, data: bytes) -> None:
        """Have something to say when it is asked; see `UsbDevice.say`."""
        self.answer += data

    @property
    def unsaid(self) -> int:
        """See `UsbDevice.unsaid`."""
        return len(self.answer)

    def packet(self, room: int) -> bytes:
        """Answer the request, if there is one and something to say."""
        if not self.says and self.wanted and (self.answer or self.empty) and not self.silent:
            (tag, size), self.wanted = self.wanted, None
            part = b"" if self.empty else bytes(self.answer[: min(size, self.piece)])
            del self.answer[: len(part)]
            tag += self.tag_lie
            self.says += _HEADER.pack(_RESPONSE, tag, _COMPLEMENT - tag, len(part), _END * self.ends())
            self.says += part + bytes(-len(part) % 4)
        return super().packet(room)

    def ends(self) -> bool:
        """Return whether its message ends with what it has just sent."""
        return self.says_ends and not self.answer

    def control(self, kind: int, request: int, tag: int) -> bytes | None:
        """Take back a transfer, or clear it, and say whether that is done."""
        left = bytes([_PENDING, _MORE] if self.says else [_SUCCESS, 0])
        match kind << 8 | request:
            case Request.ABORT_OUT if self.knows_abort:
                return bytes([self._forget_message(tag), tag])
            case Request.ABORT_IN if self.knows_abort:
                return bytes([self._forget_request(tag), tag])
            case Request.CHECK_ABORT_OUT | Request.CHECK_ABORT_IN if self.knows_abort:
                return left.ljust(8, b"\0")
            case Request.CLEAR if self.knows_clear:
                self.clear()
                return bytes([_SUCCESS])
            case Request.CHECK_CLEAR:
                return left
            case _:
                return None

    def clear(self) -> None:
        """Forget what it was sent in part, and all that it has to say."""
        for each in (self._head, self._message, self.answer, self.says):
            each.clear()
        self._body = self._padding = 0
        self.wanted = None
        self.says += self.rest
        self.cleared += 1

    def _step(self, data: bytes) -> int:
        """Return how many of these bytes are a part of the same thing, and were taken."""
        if self._body:
            return self._take_body(data)
        if self._padding:
            self._padding -= 1
            return 1
        self._head += data[:1]
        if len(self._head) == _HEADER.size:
            self._begin_transfer(*_HEADER.unpack(self._head))
            self._head.clear()
        return 1

    def _take_body(self, data: bytes) -> int:
        payload = data[: max(min(self._body, self.room - len(self.heard)), 0)]
        self._body -= len(payload)
        self._message += payload
        self.heard += payload
        if not self._body and self._ends:
            message = bytes(self._message)
            self._message.clear()
            self.messages.append(message)
            self.answer += self.core(message)
        return len(payload)

    def _begin_transfer(self, kind: int, tag: int, inverse: int, size: int, attributes: int) -> None:
        if tag ^ inverse != _COMPLEMENT:
            raise ValueError(f"the tag {tag} has the complement {inverse}")
        if self.wanted is not None:
            raise ValueError("it was sent something while it was asked (3.3)")
        self.tags.append(tag)
        if kind == _DEV_DEP_MSG:
            self._body, self._padding, self._ends = size, -size % 4, bool(attributes & _END)
            self._before = len(self._message)
        else:
            self.wanted = tag, size

    def _forget_message(self, tag: int) -> int:
        """Forget a transfer of which a part has come; what came of its message before stays (4.2.1.2)."""
        if not (self._head or self._body or self._padding) or tag not in {*self._head[1:2], *self.tags[-1:]}:
            return _FAILED
        self._head.clear()
        del self._message[self._before :]
        self._body = self._padding = 0
        self.aborted.append("out")
        return _SUCCESS

    def _forget_request(self, tag: int) -> int:
        """Forget that it was asked; what it was to answer with stays (4.2.1.4)."""
        if not self.wanted or self.wanted[0] != tag:
            return _NOT_IN_PROGRESS if self.says else _FAILED
        self.wanted = None
        self.says += self.rest
        self.aborted.append("in")
        return _SUCCESS
