"""Requests to bytes, and bytes to answers; no I/O, no clock.

A link needs a `Framing`: a value that turns a request into bytes, and that makes a `Decoder` for
each connection.  Both are typing protocols, so a new framing is one new file that imports neither.
"""

from __future__ import annotations

from labtroupe.protocol._framing import Decoder, Framing
from labtroupe.protocol._lines import LineDecoder, Lines

__all__ = ["Decoder", "Framing", "LineDecoder", "Lines"]
