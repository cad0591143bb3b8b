"""Modbus frames: what is around a request or an answer on a serial line, and over TCP."""

from __future__ import annotations

from typing import Final

import attrs

from labtroupe.errors import ArgumentError, ProtocolError
from labtroupe.protocol._checksums import crc16_modbus
from labtroupe.protocol._cutting import Cut, CuttingDecoder, garbage
from labtroupe.protocol._length_prefixed import LengthPrefixed
from labtroupe.protocol.modbus._functions import EXCEPTION, READS, UNIT_AND_FUNCTION, WRITES

_CRC: Final = 2
"""Bytes of the checksum."""
# Application protocol, 4.1: a PDU of 253 bytes at most; the unit's address is one more.
_MAX_LENGTH: Final = 254
# Two bytes of the transaction's number, two of the protocol's, which is 0, and the length.
_MBAP: Final = LengthPrefixed(2, head=4, max_length=_MAX_LENGTH)


@attrs.frozen
class Rtu:
    """Modbus on a serial line.

    Its frames end with a pause, which no program can see reliably.  So the end of an answer is told
    by its function code and byte count, for the functions that this module has requests for.
    Nothing tells where a frame begins: after garbage, clear the decoder once the line is quiet.
    """

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with its checksum.

        Raises:
            ArgumentError: It is too short or too long; so is an empty one, as nothing ends half a frame.
        """
        _check_length(request)
        return request + crc16_modbus(request)

    def decoder(self) -> CuttingDecoder:
        """Return a new decoder; it holds less than 260 bytes and what was fed last (L6)."""
        return CuttingDecoder(self.cut)

    def cut(self, held: bytearray) -> Cut | None:
        """Return the answer or the garbage that ``held`` begins with, ``None`` until more comes."""
        if len(held) <= UNIT_AND_FUNCTION:
            return None
        function = held[1] & ~EXCEPTION
        if function not in READS + WRITES:
            return garbage(held, len(held), f"no Modbus answer, as it has function code {held[1]}")
        if held[1] & EXCEPTION:
            end = UNIT_AND_FUNCTION + 1
        elif function in READS:
            end = UNIT_AND_FUNCTION + 1 + held[2]
        else:
            end = UNIT_AND_FUNCTION + 4
        if len(held) < end + _CRC:
            return None
        answer, crc = bytes(held[:end]), bytes(held[end : end + _CRC])
        if crc != crc16_modbus(answer):
            return garbage(held, len(held), "no Modbus answer, as its checksum is wrong")
        return end + _CRC, answer


@attrs.frozen
class Tcp:
    """Modbus over TCP; an answer to an earlier request is known by its number, and dropped."""

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with the header, in which the decoder will put a number.

        Raises:
            ArgumentError: It is too short or too long; so is an empty one, as nothing ends half a frame.
        """
        _check_length(request)
        return _MBAP.encode(bytes(_MBAP.head) + request)

    def decoder(self) -> TcpDecoder:
        """Return a new decoder for one connection."""
        return TcpDecoder()


@attrs.define(eq=False)
class TcpDecoder:
    """Numbers requests, and drops answers to others than the last; holds less than 260 bytes (L6)."""

    _inner: CuttingDecoder = attrs.field(factory=_MBAP.decoder, init=False)
    # Of the last request; None before the first.
    _number: int | None = attrs.field(default=None, init=False)

    @property
    def pending(self) -> bytes:
        """What was fed and has not been given out as a frame."""
        return self._inner.pending

    def outgoing(self, data: bytes) -> bytes:
        """Return ``data`` with the next number in it."""
        self._number = ((self._number or 0) + 1) & 0xFFFF
        return self._number.to_bytes(2, "big") + data[2:]

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived, cut anywhere; then ask for frames until there is none."""
        self._inner.feed(data)

    def next_frame(self) -> bytes | None:
        """Return the answer to the last request, or ``None`` until more is fed.

        Raises:
            ProtocolError: What is held is not Modbus.  All of it has been dropped.
        """
        while (frame := self._inner.next_frame()) is not None:
            number, protocol, answer = frame[:2], frame[2:4], frame[4:]
            if protocol != b"\0\0":
                self.clear()
                raise ProtocolError(f"no Modbus answer, as it has protocol number {protocol!r}")
            if self._number is None or self._number == int.from_bytes(number, "big"):
                return answer
        return None

    def clear(self) -> None:
        """Forget all that is held."""
        self._inner.clear()


def _check_length(request: bytes) -> None:
    if not UNIT_AND_FUNCTION <= len(request) <= _MAX_LENGTH:
        raise ArgumentError(
            f"a Modbus request has {UNIT_AND_FUNCTION} to {_MAX_LENGTH} bytes, not {len(request)}"
        )
