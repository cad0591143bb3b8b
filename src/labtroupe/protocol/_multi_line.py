"""Answers of several lines."""

from __future__ import annotations

import re

import attrs
from attrs.validators import ge, optional

from labtroupe.errors import ProtocolError
from labtroupe.protocol._lines import LineDecoder, Lines


def _is_pattern(_: object, __: object, value: bytes) -> None:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"closing is no pattern: {error}") from error


@attrs.frozen
class MultiLine:
    r"""Answers of several lines: until a closing one comes, or a fixed number of them.

    An answer is all its lines as they came, the closing one included, but for the last one's end:
    ``b"a\nb\nOK"``, or ``b"a\nb\n"`` where an empty line closes it.

    Attributes:
        closing: A regular expression that all of a closing line matches: ``b""`` for an empty line,
            ``b"OK|ERROR.*"`` for either of these.
        count: The number of lines, where nothing closes an answer; without a ``closing`` only.
        lines: How each line is framed.
        max_length: The most bytes that an answer may have.
    """

    closing: bytes | None = attrs.field(default=None, validator=optional(_is_pattern))
    count: int | None = attrs.field(default=None, kw_only=True, validator=optional(ge(1)))
    lines: Lines = attrs.field(factory=Lines, kw_only=True)
    max_length: int = attrs.field(default=65536, kw_only=True, validator=ge(1))

    def __attrs_post_init__(self) -> None:
        """See that there is one way to tell the last line."""
        if (self.closing is None) == (self.count is None):
            raise ValueError("an answer of several lines has either a closing line or a count of them")

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with its terminator.

        Raises:
            ArgumentError: The request has a terminator in it, so that the device would see two.
        """
        return self.lines.encode(request)

    def decoder(self) -> MultiLineDecoder:
        """Return a new decoder for one connection."""
        return MultiLineDecoder(self, self.lines.decoder())

    def is_last(self, line: bytes, number: int) -> bool:
        """Return whether the line of this number, the first being 1, is the last of an answer."""
        if self.closing is None:
            return number == self.count
        return re.fullmatch(self.closing, line) is not None


@attrs.define(eq=False)
class MultiLineDecoder:
    """Puts lines together; holds less than the longest answer, one line, and what was fed last (L6)."""

    framing: MultiLine
    inner: LineDecoder
    # The lines of an answer that has begun, each with its end.
    _begun: bytearray = attrs.field(factory=bytearray, init=False)
    _count: int = attrs.field(default=0, init=False)

    @property
    def pending(self) -> bytes:
        """What was fed and has not been given out as an answer."""
        return bytes(self._begun) + self.inner.pending

    def outgoing(self, data: bytes) -> bytes:
        """Return ``data``: what a line answers is in no line."""
        return data

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived, cut anywhere; then ask for answers until there is none."""
        self.inner.feed(data)

    def next_frame(self) -> bytes | None:
        """Return the next whole answer, or ``None`` until more is fed.

        Raises:
            ProtocolError: A line or the answer is too long.  All that was held is dropped.
        """
        while (line := self._next_line()) is not None:
            if len(self._begun) + len(line) > self.framing.max_length:
                self.clear()
                raise ProtocolError(f"no end of an answer in {self.framing.max_length} bytes")
            answer = bytes(self._begun + line)
            self._begun += line + self.framing.lines.end
            self._count += 1
            if self.framing.is_last(line, self._count):
                self._begun.clear()
                self._count = 0
                return answer
        return None

    def clear(self) -> None:
        """Forget all that is held."""
        self._begun.clear()
        self._count = 0
        self.inner.clear()

    def _next_line(self) -> bytes | None:
        try:
            return self.inner.next_frame()
        except ProtocolError:
            self.clear()
            raise
