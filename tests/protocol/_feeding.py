"""How bytes reach a decoder: in any pieces."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st

from labtroupe.errors import ProtocolError
from labtroupe.protocol import Decoder

# For what is tried with every framing, and for what is tried with one.  No deadline, as the
# machine may have other things to do.
few = settings(max_examples=15, deadline=None)
some = settings(max_examples=50, deadline=None)

cuts = st.lists(st.integers(0, 5), max_size=8)


def cut(data: bytes, lengths: Sequence[int]) -> list[bytes]:
    """Cut ``data`` into pieces of these lengths, and what is left."""
    pieces: list[bytes] = []
    for length in lengths:
        pieces.append(data[:length])
        data = data[length:]
    return [*pieces, data]


def frames(decoder: Decoder, *pieces: bytes) -> list[bytes]:
    """Feed the pieces and return all frames."""
    found: list[bytes] = []
    for piece in pieces:
        decoder.feed(piece)
        while (frame := decoder.next_frame()) is not None:
            found.append(frame)
    return found


def frames_in_garbage(decoder: Decoder, *pieces: bytes) -> list[bytes]:
    """Feed the pieces and return all frames, whatever garbage is between them."""
    found: list[bytes] = []
    for piece in pieces:
        decoder.feed(piece)
        while True:
            try:
                frame = decoder.next_frame()
            except ProtocolError:
                continue
            if frame is None:
                break
            found.append(frame)
    return found
