"""Messages that end with a terminator, as most text instruments have them."""

from __future__ import annotations

import attrs
from attrs.validators import ge, optional

from labtroupe.errors import ArgumentError, ProtocolError
from labtroupe.protocol._held import HeldBytes
from labtroupe.protocol._mark import is_mark
from labtroupe.protocol._shown import shown


@attrs.frozen
class Lines:
    r"""Lines: every message ends with the same bytes.

    The default, ``b"\n"``, also takes lines that end with ``b"\r\n"``: one carriage return before
    it is no part of the line.  Any other terminator is taken as it is written.

    Attributes:
        end: What ends a line from the device.
        send_end: What ends a line to the device; the same where not given.
        max_length: The most bytes a line from the device may have before its end.
    """

    end: bytes = attrs.field(default=b"\n", validator=is_mark)
    send_end: bytes | None = attrs.field(default=None, kw_only=True, validator=optional(is_mark))
    max_length: int = attrs.field(default=4096, kw_only=True, validator=ge(1))

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with its terminator.

        Raises:
            ArgumentError: The request has a terminator in it, so that the device would see two.
        """
        end = self.send_end or self.end
        line = request + end
        # Searched for in the whole line: b"\n" before b"\n\n" makes a terminator that is in neither.
        if line.find(end) != len(request):
            raise ArgumentError(
                f"{request!r} has the terminator {end!r} in it: the device would see two commands",
                remedy="Send one command at a time, without its terminator.",
            )
        return line

    def decoder(self) -> LineDecoder:
        """Return a new decoder for one connection."""
        return LineDecoder(self)


@attrs.define(eq=False)
class LineDecoder(HeldBytes):
    """Cuts what arrives into lines; never holds more than one line and what was fed last."""

    lines: Lines
    # Up to here there is no terminator.  Without it, a line that arrives byte by byte would be
    # searched from its start each time.
    _searched: int = attrs.field(default=0, init=False)

    def next_frame(self) -> bytes | None:
        """Return the next line without its end, or ``None`` until more is fed.

        Raises:
            ProtocolError: More than ``max_length`` bytes and no end.  All that was held is dropped.
        """
        end, limit = self.lines.end, self.lines.max_length
        length = self._held.find(end, self._searched)
        # The second case: even if the rest of a terminator came next, the line would be too long.
        if length > limit or (length < 0 and len(self._held) >= limit + len(end)):
            raise self._drop()
        if length < 0:
            self._searched = max(0, len(self._held) - len(end) + 1)
            return None
        line = bytes(self._held[:length])
        del self._held[: length + len(end)]
        self._searched = 0
        return line.removesuffix(b"\r") if end == b"\n" else line

    def clear(self) -> None:
        """Forget all that is held."""
        super().clear()
        self._searched = 0

    def _drop(self) -> ProtocolError:
        """Drop what is held and return the error that says what it was."""
        error = ProtocolError(
            f"no line: {len(self._held)} bytes arrived without {self.lines.end!r} in the first"
            f" {self.lines.max_length}; they begin with {shown(self._held)}"
        )
        self.clear()
        return error
