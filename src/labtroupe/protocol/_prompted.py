"""Answers that end with a prompt."""

from __future__ import annotations

import attrs
from attrs.validators import ge, optional

from labtroupe.protocol._cutting import Cut, CuttingDecoder, garbage
from labtroupe.protocol._lines import Lines
from labtroupe.protocol._mark import is_mark


@attrs.frozen
class Prompted:
    r"""An answer of any number of lines, also none, and then a prompt at the beginning of a line.

    It ends with its prompt, so that every request must be asked for its answer, be it empty.  A
    device that puts its prompt right behind the answer, without an end of line, has
    ``Lines(b"> ")``.

    Attributes:
        prompt: What the device shows when it is done.
        end: What ends a line of an answer; the last one's is no part of the answer.
        send_end: What ends a line to the device; the same as ``end`` where not given.
        max_length: The most bytes an answer may have.
    """

    prompt: bytes = attrs.field(validator=is_mark)
    end: bytes = attrs.field(default=b"\r\n", validator=is_mark)
    send_end: bytes | None = attrs.field(default=None, kw_only=True, validator=optional(is_mark))
    max_length: int = attrs.field(default=4096, kw_only=True, validator=ge(1))

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with its terminator.

        Raises:
            ArgumentError: The request has a terminator in it, so that the device would see two.
        """
        return Lines(self.end, send_end=self.send_end).encode(request)

    def decoder(self) -> CuttingDecoder:
        """Return a new decoder; it holds less than the longest answer and what was fed last (L6)."""
        return CuttingDecoder(self.cut)

    def cut(self, held: bytearray) -> Cut | None:
        """Return the answer or the garbage that ``held`` begins with, ``None`` until more comes."""
        if held.startswith(self.prompt):
            return len(self.prompt), b""
        last = self.end + self.prompt
        length = held.find(last)
        if length > self.max_length or (length < 0 and len(held) >= self.max_length + len(last)):
            return garbage(held, len(held), f"{len(held)} bytes came without the prompt {self.prompt!r}")
        return (length + len(last), bytes(held[:length])) if length >= 0 else None
