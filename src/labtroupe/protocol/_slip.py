"""SLIP, after RFC 1055: frames of any bytes, with a byte between them that is escaped inside."""

from __future__ import annotations

import re
from typing import Final

import attrs
from attrs.validators import ge

from labtroupe.errors import ProtocolError
from labtroupe.protocol._lines import Lines
from labtroupe.protocol._mapped import MappedDecoder
from labtroupe.protocol._shown import shown

_END: Final = b"\xc0"
_ESC: Final = b"\xdb"
_ESCAPED_END: Final = b"\xdb\xdc"
_ESCAPED_ESC: Final = b"\xdb\xdd"
_WRONG_ESCAPE: Final = re.compile(rb"\xdb(?![\xdc\xdd])")


@attrs.frozen
class Slip:
    """SLIP (RFC 1055); after garbage it is in order from the next frame on.

    Attributes:
        max_length: The most bytes a frame may have on the wire, escapes included.
    """

    max_length: int = attrs.field(default=4096, kw_only=True, validator=ge(1))

    def encode(self, request: bytes) -> bytes:
        """Return ``request`` as a frame, with an END before it, too, which ends what was cut short."""
        # The escape first, or the escapes themselves would be escaped.
        return _END + request.replace(_ESC, _ESCAPED_ESC).replace(_END, _ESCAPED_END) + _END

    def decoder(self) -> MappedDecoder:
        """Return a new decoder; it holds less than the longest frame and what was fed last (L6)."""
        return MappedDecoder(Lines(_END, max_length=self.max_length).decoder(), _unwrap)


def _unwrap(frame: bytes) -> bytes | None:
    """Return what is in a frame; nothing for what is between an END that ends and one that begins."""
    if _WRONG_ESCAPE.search(frame):
        raise ProtocolError(f"no SLIP frame, as it has an escape that does not exist: {shown(frame)}")
    return frame.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESC, _ESC) or None
