"""Frames that say how long they are."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, in_

from labtroupe.errors import ArgumentError
from labtroupe.protocol._cutting import Cut, CuttingDecoder, cut_to_start, garbage


@attrs.frozen
class LengthPrefixed:
    r"""Frames with their length in them: start, head, length, body, trailer.

    A request or an answer is the head, such as an address and a command, and the body.

    Attributes:
        size: Bytes of the length.
        byteorder: Which of them comes first.
        start: What each frame begins with.
        head: Bytes between the start and the length.
        more: What the length counts besides the body: 2 if it counts its own two bytes, too.
        trailer: What each frame ends with.
        max_length: The most bytes that a body may have.
    """

    size: int = attrs.field(default=2, validator=in_((1, 2, 3, 4)))
    byteorder: Literal["big", "little"] = attrs.field(default="big", validator=in_(("big", "little")))
    start: bytes = attrs.field(default=b"", kw_only=True)
    head: int = attrs.field(default=0, kw_only=True, validator=ge(0))
    more: int = attrs.field(default=0, kw_only=True)
    trailer: bytes = attrs.field(default=b"", kw_only=True)
    max_length: int = attrs.field(default=4096, kw_only=True, validator=ge(1))

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with its length in it, and start and trailer around it.

        Raises:
            ArgumentError: It is shorter than the head, or too long for the length to say.
        """
        head, body = request[: self.head], request[self.head :]
        number = len(body) + self.more
        fits = len(body) <= self.max_length and 0 <= number < 256**self.size
        if len(head) < self.head or not fits:
            raise ArgumentError(f"a request of {len(request)} bytes does not go into a frame of {self}")
        return self.start + head + number.to_bytes(self.size, self.byteorder) + body + self.trailer

    def decoder(self) -> CuttingDecoder:
        """Return a new decoder; it holds less than the longest frame and what was fed last (L6)."""
        return CuttingDecoder(self.cut)

    def cut(self, held: bytearray) -> Cut | None:
        """Return the frame or the garbage that ``held`` begins with, ``None`` until more comes."""
        begin = len(self.start) + self.head
        body = begin + self.size
        astray = cut_to_start(held, self.start)
        if astray is not None or len(held) < body:
            return astray
        length = int.from_bytes(held[begin:body], self.byteorder) - self.more
        end = body + length + len(self.trailer)
        if not 0 <= length <= self.max_length:
            return self._skip(held, f"no frame, as its body cannot be {length} bytes long")
        if len(held) < end:
            return None
        if not held.endswith(self.trailer, 0, end):
            return self._skip(held, f"no frame, as it does not end with {self.trailer!r}")
        return end, bytes(held[len(self.start) : begin] + held[body : body + length])

    def _skip(self, held: bytearray, why: str) -> Cut:
        # What looked like a start was none, and the true one may be among what followed it.
        # Without a start nothing can be looked for.
        return garbage(held, 1 if self.start else len(held), why)
