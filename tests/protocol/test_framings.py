"""What all framings promise, whatever they look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.errors import ProtocolError
from labtroupe.protocol import (
    AsHex,
    Checksummed,
    ChecksummedFrame,
    Cobs,
    Decoder,
    Echoed,
    Enclosed,
    FixedLength,
    Framing,
    LengthPrefixed,
    Lines,
    LinesAndBlocks,
    MultiLine,
    Prompted,
    Slip,
    block,
    crc16_modbus,
    modbus,
    sum8,
    xor8,
)

from ._feeding import cut, cuts, few, frames, frames_in_garbage

Strategy = st.SearchStrategy[bytes]
ANY = st.binary(max_size=40)
TEXT = st.lists(st.sampled_from([b"a", b"1", b",", b" ", b"#", b'"', b"OK"]), max_size=10).map(b"".join)


def as_sent(framing: Framing, message: bytes) -> bytes:
    """Return the bytes of an answer where the device frames as we do."""
    return framing.encode(message)


def with_prompt(_: Framing, message: bytes) -> bytes:
    return (message + b"\r\n> ") if message else b"> "


def with_line_end(_: Framing, message: bytes) -> bytes:
    return message + b"\n"


def as_one_block(_: Framing, message: bytes) -> bytes:
    return block(message) + b"\n"


def no_block(message: bytes) -> bool:
    return b"#1" not in message


@attrs.frozen
class Row:
    """A framing, and what is needed to try it.

    Attributes:
        messages: What may be in its frames.
        holds: The most bytes its decoder may hold once it has no frame any more.
        answer: From a message to the bytes that a device sends.
        frame: From a message to what the decoder gives out for it.
        resyncs: Whether it finds the next frame after garbage by itself.
    """

    name: str
    framing: Framing
    messages: Strategy
    holds: int
    answer: Callable[[Framing, bytes], bytes] = as_sent
    frame: Callable[[bytes], bytes] = lambda message: message
    resyncs: bool = False


REGISTERS = st.lists(st.integers(0, 255), min_size=0, max_size=20).map(
    lambda values: bytes([7, 4, 2 * len(values), *values, *values])
)

ROWS = [
    Row("lines", Lines(max_length=50), TEXT, 50, resyncs=True),
    Row("prompted", Prompted(b"> ", max_length=50), TEXT.filter(bool), 53, with_prompt, resyncs=True),
    Row(
        "until an empty line",
        MultiLine(b"", max_length=100, lines=Lines(max_length=50)),
        st.lists(TEXT.filter(bool), max_size=4).map(lambda lines: b"".join(line + b"\n" for line in lines)),
        151,
        with_line_end,
        resyncs=True,
    ),
    Row(
        "until a closing line",
        MultiLine(b"OK|ERR", max_length=100, lines=Lines(max_length=50)),
        st.lists(TEXT.filter(lambda line: line != b"OK"), max_size=4).map(
            lambda lines: b"\n".join([*lines, b"ERR"])
        ),
        151,
        with_line_end,
        resyncs=True,
    ),
    Row(
        "a count of lines",
        MultiLine(count=3, max_length=100, lines=Lines(max_length=50)),
        st.lists(TEXT, min_size=3, max_size=3).map(b"\n".join),
        151,
        with_line_end,
    ),
    Row("blocks", LinesAndBlocks(max_length=50, max_block=60), ANY, 110, as_one_block, block),
    Row(
        "text among blocks",
        LinesAndBlocks(max_length=50, max_block=60),
        TEXT.filter(no_block),
        110,
        with_line_end,
    ),
    Row("fixed length", FixedLength(8), st.binary(min_size=8, max_size=8), 7),
    Row("fixed length, start", FixedLength(8, start=b"\xaa\xaa\x55"), st.binary(min_size=8, max_size=8), 10),
    Row("length", LengthPrefixed(max_length=50), ANY, 51),
    Row(
        "length, all parts",
        LengthPrefixed(1, "little", start=b"\xaa\x55", head=3, more=4, trailer=b"\r", max_length=50),
        st.binary(min_size=3, max_size=40),
        56,
    ),
    Row(
        "enclosed",
        Enclosed(max_length=50),
        ANY.map(lambda data: data.replace(b"\x03", b"")),
        51,
        resyncs=True,
    ),
    Row("checksum inside", Checksummed(Slip(max_length=100), crc16_modbus), ANY, 100, resyncs=True),
    Row("checksum in digits", Checksummed(Lines(b"\r", max_length=50), AsHex(sum8)), TEXT, 50, resyncs=True),
    Row(
        "checksum behind",
        ChecksummedFrame(Enclosed(max_length=50), lambda frame: xor8(frame[1:])),
        ANY.map(lambda data: data.replace(b"\x03", b"")),
        52,
        resyncs=True,
    ),
    Row("slip", Slip(max_length=100), ANY.filter(bool), 100, resyncs=True),
    Row("cobs", Cobs(max_length=60), ANY.filter(bool), 60, resyncs=True),
    Row("echoed", Echoed(Lines(max_length=50)), TEXT, 50, resyncs=True),
    Row("modbus rtu", modbus.Rtu(), REGISTERS, 259),
    Row("modbus tcp", modbus.Tcp(), st.binary(min_size=2, max_size=40), 259),
]
EVERY_FRAMING = pytest.mark.parametrize("row", ROWS, ids=lambda row: cast("Row", row).name)
# Bytes that mean something to one framing or another, and any others.
MARKS = [
    b"\n",
    b"\r",
    b"> ",
    b"\0",
    b"\x02",
    b"\x03",
    b"\xc0",
    b"\xdb",
    b"\xaa\x55",
    b"#15",
    b"#0",
    b"OK",
    b"\x07\x04",
]
garbage = st.lists(st.one_of(st.sampled_from(MARKS), st.binary(max_size=30)), max_size=12)


def stream(row: Row, messages: list[bytes]) -> bytes:
    """Return all the messages as a device sends them."""
    return b"".join(row.answer(row.framing, message) for message in messages)


@EVERY_FRAMING
@given(st.data(), cuts)
@few
def test_messages_come_out_as_they_went_in_however_they_are_cut(
    row: Row, data: st.DataObject, lengths: list[int]
) -> None:
    """L6."""
    messages = data.draw(st.lists(row.messages, max_size=3))
    decoder = row.framing.decoder()
    found = frames(decoder, *cut(stream(row, messages), lengths))

    assert found == [row.frame(message) for message in messages]
    assert decoder.pending == b""


@EVERY_FRAMING
@given(pieces=garbage)
@few
def test_garbage_cannot_grow_what_is_held_nor_raise_anything_else(row: Row, pieces: list[bytes]) -> None:
    """L6."""
    decoder: Decoder = row.framing.decoder()
    for piece in pieces * 3:
        frames_in_garbage(decoder, piece)

        assert len(decoder.pending) <= row.holds


@EVERY_FRAMING
@given(data=st.data(), pieces=garbage)
@few
def test_a_decoder_that_was_cleared_is_as_good_as_new(
    row: Row, data: st.DataObject, pieces: list[bytes]
) -> None:
    """L6."""
    message = data.draw(row.messages)
    decoder = row.framing.decoder()
    frames_in_garbage(decoder, *pieces)
    decoder.clear()

    assert decoder.pending == b""
    assert frames(decoder, row.answer(row.framing, message)) == [row.frame(message)]


@EVERY_FRAMING
@given(pieces=garbage)
@few
def test_a_protocol_error_takes_something_away(row: Row, pieces: list[bytes]) -> None:
    """L6: what asks for frames until there is none comes to an end."""
    decoder = row.framing.decoder()
    decoder.feed(b"".join(pieces))
    for _ in range(len(decoder.pending) + 1):
        before = decoder.pending
        try:
            if decoder.next_frame() is None:
                return
        except ProtocolError:
            pass
        assert len(decoder.pending) < len(before)
    pytest.fail("asked more often than there were bytes")


@pytest.mark.parametrize("row", [row for row in ROWS if row.resyncs], ids=lambda row: cast("Row", row).name)
@given(data=st.data(), pieces=garbage)
@few
def test_it_finds_its_frames_again_after_garbage(row: Row, data: st.DataObject, pieces: list[bytes]) -> None:
    """L6: what was taken for a frame before costs the next ones at most."""
    message = data.draw(row.messages)
    decoder = row.framing.decoder()
    frames_in_garbage(decoder, *pieces)
    found = frames_in_garbage(decoder, *[row.answer(row.framing, message)] * 4)

    assert found[-1:] == [row.frame(message)]
