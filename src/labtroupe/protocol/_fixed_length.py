"""Answers that all have the same length."""

from __future__ import annotations

import attrs
from attrs.validators import ge

from labtroupe.errors import ArgumentError
from labtroupe.protocol._cutting import Cut, CuttingDecoder, cut_to_start


@attrs.frozen
class FixedLength:
    """Frames of a fixed length; a request is sent as it is, whatever its length.

    Attributes:
        length: Bytes of an answer, ``start`` not counted.
        start: What each frame begins with, in both directions; it is no part of request or
            answer.  Without it, nothing tells garbage from a frame.
    """

    length: int = attrs.field(validator=ge(1))
    start: bytes = attrs.field(default=b"", kw_only=True)

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with the start before it.

        Raises:
            ArgumentError: It is empty; nothing ends half a frame.
        """
        if not request:
            raise ArgumentError("an empty request cannot be sent")
        return self.start + request

    def decoder(self) -> CuttingDecoder:
        """Return a new decoder; it holds less than one frame and what was fed last (L6)."""
        return CuttingDecoder(self.cut)

    def cut(self, held: bytearray) -> Cut | None:
        """Return the frame or the garbage that ``held`` begins with, ``None`` until more comes."""
        end = len(self.start) + self.length
        astray = cut_to_start(held, self.start)
        if astray is not None or len(held) < end:
            return astray
        return end, bytes(held[len(self.start) : end])
