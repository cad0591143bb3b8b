"""The messages of USBTMC 1.0: headers before the bytes, and what control requests answer; no I/O."""

from __future__ import annotations

import enum
import struct

import attrs

_OUT, _REQUEST_IN, _IN = 1, 2, 2
"""Kinds of messages (USBTMC 1.0, table 2)."""

_HEADER = struct.Struct("<BBBxIBxxx")
"""Kind, tag, its complement, size, attributes."""

_END = 0x01
"""The attribute that says that a message ends with this transfer."""

_ALIGNMENT = 4

_LAST_TAG = 255

PIECE = 65536 - 16
"""Bytes that one transfer carries at most; with header and alignment it fits into 64 KiB."""

TRANSFER = 65536
"""Bytes that are to be read for one transfer; a multiple of every packet size."""


class Status(enum.IntEnum):
    """What a device answers to a control request (USBTMC 1.0, table 16)."""

    UNKNOWN = 0x00
    """Ours: the device knows no such request."""
    SUCCESS = 0x01
    PENDING = 0x02
    FAILED = 0x80
    NOT_IN_PROGRESS = 0x81


class Control(enum.IntEnum):
    """The control requests that are used (USBTMC 1.0, table 15)."""

    INITIATE_ABORT_BULK_OUT = 1
    CHECK_ABORT_BULK_OUT_STATUS = 2
    INITIATE_ABORT_BULK_IN = 3
    CHECK_ABORT_BULK_IN_STATUS = 4
    INITIATE_CLEAR = 5
    CHECK_CLEAR_STATUS = 6


HEADER = _HEADER.size


def next_tag(tag: int) -> int:
    """Return the tag of the next transfer: 1 to 255, and around."""
    return tag % _LAST_TAG + 1


def message_out(tag: int, data: bytes, *, end: bool) -> bytes:
    """Return the transfer that carries ``data`` to the device; ``end`` if the message ends with it."""
    header = _HEADER.pack(_OUT, tag, _LAST_TAG - tag, len(data), _END * end)
    return header + data + bytes(-len(data) % _ALIGNMENT)


def request_in(tag: int, size: int) -> bytes:
    """Return the transfer that asks the device for at most ``size`` bytes."""
    return _HEADER.pack(_REQUEST_IN, tag, _LAST_TAG - tag, size, 0)


@attrs.define(eq=False)
class Response:
    """What a device sends for one request, put together from the transfers in which it comes.

    Attributes:
        tag: That of the request.
        size: How many bytes the device has announced, ``None`` while it has not.
        ends: Whether its message ends with them.
    """

    tag: int
    size: int | None = attrs.field(default=None, init=False)
    ends: bool = attrs.field(default=False, init=False)
    _taken: int = attrs.field(default=0, init=False)

    @property
    def complete(self) -> bool:
        """Whether all of it has come."""
        return self._taken == self.size

    def feed(self, data: bytes) -> bytes:
        """Return the bytes that a transfer brings, without header and alignment.

        Raises:
            ValueError: It is no answer to the request.
        """
        # An empty one ends the transfer before it.
        if self.size is None and data:
            self.size = self._read_header(data)
            data = data[HEADER:]
        part = data[: (self.size or 0) - self._taken]
        self._taken += len(part)
        return part

    def _read_header(self, data: bytes) -> int:
        shown = data[:HEADER].hex(" ")
        if len(data) < HEADER:
            raise ValueError(f"{shown} is shorter than a USBTMC header")
        kind, tag, complement, size, attributes = _HEADER.unpack_from(data)
        if kind != _IN or complement != _LAST_TAG - tag:
            raise ValueError(f"{shown} is no USBTMC header")
        if tag != self.tag:
            raise ValueError(f"the device answers request {tag}, not {self.tag}")
        self.ends = bool(attributes & _END)
        return int(size)
