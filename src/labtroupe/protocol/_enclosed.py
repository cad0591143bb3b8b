"""Frames between one mark and another."""

from __future__ import annotations

import attrs
from attrs.validators import ge

from labtroupe.errors import ArgumentError
from labtroupe.protocol._cutting import Cut, CuttingDecoder, cut_to_start, garbage
from labtroupe.protocol._mark import is_mark


@attrs.frozen
class Enclosed:
    r"""Messages between two marks, such as STX and ETX; what is outside of them is garbage.

    Attributes:
        start: What a frame begins with.
        end: What it ends with.
        max_length: The most bytes that a message may have.
    """

    start: bytes = attrs.field(default=b"\x02", validator=is_mark)
    end: bytes = attrs.field(default=b"\x03", validator=is_mark)
    max_length: int = attrs.field(default=4096, kw_only=True, validator=ge(1))

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` between the marks.

        Raises:
            ArgumentError: It has the end in it, so that the device would see half of it.
        """
        if (request + self.end).find(self.end) != len(request):
            raise ArgumentError(f"{request!r} has {self.end!r} in it, which ends a frame")
        return self.start + request + self.end

    def decoder(self) -> CuttingDecoder:
        """Return a new decoder; it holds less than the longest frame and what was fed last (L6)."""
        return CuttingDecoder(self.cut)

    def cut(self, held: bytearray) -> Cut | None:
        """Return the frame or the garbage that ``held`` begins with, ``None`` until more comes."""
        astray = cut_to_start(held, self.start)
        begin = len(self.start)
        if astray is not None or len(held) < begin:
            return astray
        end = held.find(self.end, begin)
        longest = begin + self.max_length
        if end > longest or (end < 0 and len(held) >= longest + len(self.end)):
            # The true start may be among what followed this one.
            return garbage(held, 1, f"no {self.end!r} in {self.max_length} bytes")
        return (end + len(self.end), bytes(held[begin:end])) if end >= 0 else None
