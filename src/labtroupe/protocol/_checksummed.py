"""Frames with a checksum."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from labtroupe.errors import ProtocolError
from labtroupe.protocol._cutting import Cut, CuttingDecoder, CuttingFraming
from labtroupe.protocol._framing import Framing
from labtroupe.protocol._mapped import MappedDecoder
from labtroupe.protocol._shown import shown

Checksum: TypeAlias = Callable[[bytes], bytes]
"""From any bytes to their checksum as it is sent, which always has the same length."""


@attrs.frozen
class Checksummed:
    """Another framing, with a checksum of each message at its end, inside the frame.

    Such as ``<message><checksum><carriage return>``.

    In `Lines`, a checksum must be in digits: a byte of it might be the one that ends a line.

    Attributes:
        framing: That of messages with their checksums.
        checksum: From a message to its checksum.
    """

    framing: Framing
    checksum: Checksum

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` and its checksum as a frame.

        Raises:
            ArgumentError: They cannot be sent as one message.
        """
        return self.framing.encode(request + self.checksum(request))

    def decoder(self) -> MappedDecoder:
        """Return a new decoder; it holds what that of the other framing does (L6)."""
        return MappedDecoder(self.framing.decoder(), self._verify)

    def _verify(self, frame: bytes) -> bytes:
        length = len(frame) - len(self.checksum(b""))
        message, found = frame[: max(length, 0)], frame[max(length, 0) :]
        verify(found, self.checksum(message), frame)
        return message


@attrs.frozen
class ChecksummedFrame:
    """Another framing, with a checksum of each whole frame behind it.

    Such as ``<STX><message><ETX><checksum>``.

    Attributes:
        framing: That of messages without their checksums.
        checksum: From a whole frame to its checksum; one that leaves out the first byte is
            ``lambda frame: xor8(frame[1:])``.
    """

    framing: CuttingFraming
    checksum: Checksum

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` as a frame with its checksum.

        Raises:
            ArgumentError: It cannot be sent as one message.
        """
        frame = self.framing.encode(request)
        return frame + self.checksum(frame)

    def decoder(self) -> CuttingDecoder:
        """Return a new decoder; it holds one checksum more than that of the other framing (L6)."""
        return CuttingDecoder(self.cut)

    def cut(self, held: bytearray) -> Cut | None:
        """Return the frame or the garbage that ``held`` begins with, ``None`` until more comes."""
        cut = self.framing.cut(held)
        if cut is None:
            return None
        length, message = cut
        if isinstance(message, ProtocolError):
            return cut
        end = length + len(self.checksum(b""))
        if len(held) < end:
            return None
        try:
            verify(bytes(held[length:end]), self.checksum(bytes(held[:length])), message)
        except ProtocolError as error:
            return end, error
        return end, message


def verify(found: bytes, right: bytes, frame: bytes) -> None:
    """Raise a `ProtocolError` if a checksum is not the right one."""
    if found != right:
        raise ProtocolError(f"the checksum of {shown(frame)} is {found!r}, and should be {right!r}")
