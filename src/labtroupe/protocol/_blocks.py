"""Lines with blocks of any bytes in them, after IEEE 488.2."""

from __future__ import annotations

import re
from typing import Final

import attrs
from attrs.validators import ge, min_len

from labtroupe.errors import ArgumentError, ProtocolError
from labtroupe.protocol._cutting import Cut, CuttingDecoder, garbage
from labtroupe.protocol._shown import shown

# A header and a space, then data with commas behind it, then the block; or further data behind
# one.  Narrow, as free text must not be taken for it: "ACME,Model #12" has no block.
_BLOCK: Final = re.compile(
    rb'[,;]?[ \t]*(?:[:*A-Za-z][\w:*?]*[ \t]+)?(?:(?:"[^"\r\n]*"|[^\s"#,;]+),[ \t]*)*#(?:([1-9])|0)'
)
_MOST_DIGITS: Final = 9
_NEAR: Final = 256
"""Bytes from the beginning of a message, or the end of a block, within which a block may begin."""


@attrs.frozen
class LinesAndBlocks:
    r"""Lines, in which a block may have any bytes, also those that end a line.

    IEEE 488.2-1992, 7.7.6 and 8.7.9: a definite block is ``#``, a digit that says how many digits
    follow, these digits, which say how many bytes follow, and these bytes: ``#15hello``.  Requests
    and answers come and go with their blocks as they are; `block` makes one, and `block_data` takes
    it apart.

    An indefinite block, ``#0`` and any bytes, ends with a newline *and* the END message of a GPIB.
    A serial line or a socket has no END, so here it ends at the first end of line, and is for
    devices that have none in their data.

    Attributes:
        end: What ends a message; ``b"\n"`` also takes one carriage return before it.
        max_length: The most bytes that a message may have without blocks, or behind them.
        max_block: The most bytes that a message may have up to the end of its last block.
    """

    end: bytes = attrs.field(default=b"\n", validator=min_len(1))
    max_length: int = attrs.field(default=4096, kw_only=True, validator=ge(1))
    max_block: int = attrs.field(default=1 << 24, kw_only=True, validator=ge(1))

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` with its terminator.

        Raises:
            ArgumentError: It has a terminator in it outside of blocks, or a block that is not whole.
        """
        message = bytearray(request + self.end)
        cut = self.cut(message)
        if cut is None or cut[0] != len(message) or isinstance(cut[1], ProtocolError):
            raise ArgumentError(
                f"{shown(request)} is not one message: it has {self.end!r} in it outside of a block,"
                " a block that is not whole, or too many bytes"
            )
        return bytes(message)

    def decoder(self) -> CuttingDecoder:
        """Return a new decoder; it holds less than the longest message and what was fed last (L6)."""
        return CuttingDecoder(self.cut)

    def cut(self, held: bytearray) -> Cut | None:
        """Return the message or the garbage that ``held`` begins with, ``None`` until more comes."""
        text, longest = self._text(held)
        if text > self.max_block:
            return garbage(held, len(held), f"a block up to byte {text}, of {self.max_block} at most")
        length = held.find(self.end, text)
        if length > text + longest or (length < 0 and len(held) >= text + longest + len(self.end)):
            return garbage(held, len(held), f"no {self.end!r} in {longest} bytes of text")
        if length < 0:
            return None
        message = bytes(held[:length])
        # Not of a block, which may well end with one.
        cr = self.end == b"\n" and message.endswith(b"\r", text)
        return length + len(self.end), message[:-1] if cr else message

    def _text(self, held: bytearray) -> tuple[int, int]:
        """Return where the text behind the last block begins, maybe beyond ``held``, and its longest."""
        at = 0
        while (match := _BLOCK.match(held, at, at + _NEAR)) is not None:
            if match[1] is None:
                return match.end(), self.max_block
            begin = match.end() + int(match[1])
            digits = held[match.end() : begin]
            if digits and not digits.isdigit():
                break
            at = begin + int(digits) if begin <= len(held) else begin + 1
            if at > len(held):
                break
        return at, self.max_length


def block(data: bytes) -> bytes:
    """Return ``data`` as a definite block.

    Raises:
        ArgumentError: It has 10**9 bytes or more.
    """
    count = b"%d" % len(data)
    if len(count) > _MOST_DIGITS:
        raise ArgumentError(f"{len(data)} bytes are too many for one block")
    return b"#%d%b%b" % (len(count), count, data)


def block_data(answer: bytes) -> bytes:
    """Return the data of the block that an answer ends with, after a header or other data if any.

    Raises:
        ProtocolError: It does not end with a block.
    """
    match = _BLOCK.match(answer, 0, _NEAR)
    if match is not None:
        begin = match.end() + int(match[1] or 0)
        digits = answer[match.end() : begin]
        if match[1] is None or (digits.isdigit() and len(answer) == begin + int(digits)):
            return answer[begin:]
    raise ProtocolError(f"{shown(answer)} has no whole block at its end")


def is_block(answer: bytes) -> bool:
    """Return whether an answer ends with a whole block: its shape check."""
    try:
        block_data(answer)
    except ProtocolError:
        return False
    return True
