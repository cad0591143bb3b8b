"""How bytes reach a decoder: in any pieces."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from labtroupe.errors import ProtocolError
from labtroupe.protocol import Decoder

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
