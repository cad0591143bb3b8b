"""Frames of a fixed length, with their length in them, and between marks."""

from __future__ import annotations

import pytest

from labtroupe.errors import ArgumentError, ProtocolError
from labtroupe.protocol import Enclosed, FixedLength, LengthPrefixed

from ._feeding import frames, frames_in_garbage

# Start, address, command, length of itself and what follows, body, end.
ALL_PARTS = LengthPrefixed(1, start=b"\xaa\x55", head=2, more=2, trailer=b"\x0d")


@pytest.mark.parametrize(
    ("framing", "message", "sent"),
    [
        pytest.param(LengthPrefixed(), b"abc", "0003 616263", id="two bytes"),
        pytest.param(LengthPrefixed(4, "little"), b"abc", "03000000 616263", id="little endian"),
        pytest.param(LengthPrefixed(more=2), b"abc", "0005 616263", id="the length counts itself"),
        pytest.param(
            LengthPrefixed(1, more=-1, start=b"\x10"), b"abc", "10 02 616263", id="less than its body"
        ),
        pytest.param(ALL_PARTS, b"\x01\x07abc", "aa55 0107 05 616263 0d", id="all parts"),
        pytest.param(ALL_PARTS, b"\x01\x07", "aa55 0107 02 0d", id="no body"),
        pytest.param(FixedLength(3, start=b"\xfe"), b"abc", "fe 616263", id="fixed"),
        pytest.param(Enclosed(), b"abc", "02 616263 03", id="between STX and ETX"),
        pytest.param(Enclosed(b"<", b">>"), b"a>b", "3c 613e62 3e3e", id="between other marks"),
    ],
)
def test_a_frame_has_its_parts_in_order(
    framing: LengthPrefixed | FixedLength | Enclosed, message: bytes, sent: str
) -> None:
    assert framing.encode(message) == bytes.fromhex(sent)
    assert frames(framing.decoder(), bytes.fromhex(sent)) == [message]


@pytest.mark.parametrize(
    ("framing", "message"),
    [
        pytest.param(LengthPrefixed(head=2), b"a", id="less than the head"),
        pytest.param(LengthPrefixed(1), bytes(256), id="more than the length can say"),
        pytest.param(LengthPrefixed(max_length=4), bytes(5), id="more than the most"),
        pytest.param(LengthPrefixed(more=-1), b"", id="less than nothing"),
        pytest.param(Enclosed(), b"a\x03b", id="the end in it"),
        pytest.param(Enclosed(b"<", b">>"), b"a>", id="half the end at its end"),
        pytest.param(FixedLength(3), b"", id="nothing"),
    ],
)
def test_what_does_not_go_into_a_frame_is_refused(
    framing: LengthPrefixed | FixedLength | Enclosed, message: bytes
) -> None:
    with pytest.raises(ArgumentError):
        framing.encode(message)


@pytest.mark.parametrize(
    ("framing", "received", "why"),
    [
        pytest.param(FixedLength(3, start=b"\xfe"), b"ab\xfeabc", "does not begin with", id="start, fixed"),
        pytest.param(
            ALL_PARTS, b"\x55\xaa\xaa\x55\x01\x07\x03a\r", "does not begin with", id="start, length"
        ),
        pytest.param(
            ALL_PARTS, b"\xaa\x55\x01\x07\x01\xaa\x55\x01\x07\x03a\r", "cannot be -1", id="too small"
        ),
        pytest.param(
            ALL_PARTS, b"\xaa\x55\x01\x07\x02x\xaa\x55\x01\x07\x03a\r", "not end with", id="trailer"
        ),
        pytest.param(Enclosed(), b"ab\x02abc\x03", "does not begin with", id="start, enclosed"),
        pytest.param(Enclosed(max_length=4), b"\x0212345\x02a\x03", "in 4 bytes", id="end"),
    ],
)
def test_the_frame_after_garbage_is_found(
    framing: LengthPrefixed | FixedLength | Enclosed, received: bytes, why: str
) -> None:
    """L6, L3: garbage is an error, and costs no frame that comes with it."""
    decoder = framing.decoder()
    decoder.feed(received)
    with pytest.raises(ProtocolError, match=why):
        decoder.next_frame()

    assert frames_in_garbage(decoder, b"")[-1][-1:] in {b"a", b"c"}
    assert decoder.pending == b""


def test_a_start_that_comes_in_two_pieces_is_not_dropped() -> None:
    """L6."""
    decoder = FixedLength(1, start=b"\xaa\xaa\x55").decoder()

    assert frames_in_garbage(decoder, b"xx\xaa", b"\xaa", b"\xaa\x55a") == [b"a"]


def test_without_a_start_garbage_takes_all_that_is_held_with_it() -> None:
    """L6: nothing tells where the next frame begins."""
    decoder = LengthPrefixed(max_length=3).decoder()
    decoder.feed(b"\x00\x04abcd\x00\x01a")
    with pytest.raises(ProtocolError, match="cannot be 4 bytes long"):
        decoder.next_frame()

    assert decoder.pending == b""


def test_a_frame_that_is_too_long_is_no_frame() -> None:
    """L6."""
    framing = Enclosed(max_length=4)
    assert frames(framing.decoder(), b"\x021234\x03") == [b"1234"]
    decoder = framing.decoder()
    decoder.feed(b"\x0212345\x03")
    with pytest.raises(ProtocolError, match=r"no b'\\x03' in 4 bytes"):
        decoder.next_frame()

    assert frames_in_garbage(decoder, b"\x02123", b"45", b"6\x02abc\x03") == [b"abc"]
