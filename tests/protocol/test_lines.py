from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.errors import ArgumentError, ProtocolError
from labtroupe.protocol import Decoder, Framing, LineDecoder, Lines

from ._feeding import cut, cuts, frames

ENDS = [b"\n", b"\r", b"\r\n", b"\n\n", b"aba", b"> "]

# Few letters, so that terminators, and halves of them, come up often.
soup = st.lists(st.sampled_from([b"a", b"b", b"\r", b"\n", b">", b" "]), max_size=30).map(b"".join)
streams = st.sampled_from(ENDS).flatmap(
    lambda end: st.tuples(
        st.just(end), st.lists(st.sampled_from([end, end[:1], b"a", b"\r"]), max_size=12).map(b"".join)
    )
)


def test_lines_are_a_framing() -> None:
    framing: Framing = Lines()
    decoder: Decoder = framing.decoder()

    assert frames(decoder, b"23.4\n") == [b"23.4"]


@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        (Lines(), b"T?\n"),
        (Lines(b"\r\n"), b"T?\r\n"),
        (Lines(b">", send_end=b"\r"), b"T?\r"),
    ],
)
def test_a_request_is_sent_with_its_terminator(framing: Lines, sent: bytes) -> None:
    assert framing.encode(b"T?") == sent


@pytest.mark.parametrize(
    ("framing", "request_"),
    [
        (Lines(), b"T?\n"),
        (Lines(), b"T?\nHEAT 40"),
        (Lines(b"\r\n"), b"A\r\nB"),
        (Lines(b"\n\n"), b"A\n"),
        (Lines(b">", send_end=b"\r"), b"A\r"),
    ],
)
def test_a_request_with_a_terminator_is_refused(framing: Lines, request_: bytes) -> None:
    """P5: it would be two commands in one exchange."""
    with pytest.raises(ArgumentError, match="two commands"):
        framing.encode(request_)


def test_a_request_may_have_what_ends_an_answer() -> None:
    assert Lines(b"> ", send_end=b"\r").encode(b"A > 2") == b"A > 2\r"


@given(streams, cuts)
def test_any_split_of_the_stream_gives_the_same_lines(
    stream: tuple[bytes, bytes], lengths: list[int]
) -> None:
    """L6."""
    end, data = stream
    whole = frames(Lines(end).decoder(), data)
    decoder = Lines(end).decoder()

    assert frames(decoder, *cut(data, lengths)) == whole
    assert decoder.pending == data.split(end)[-1]


@given(st.lists(soup.filter(lambda line: b"\n" not in line)))
def test_lines_come_out_as_they_went_in(lines: list[bytes]) -> None:
    expected = [line.removesuffix(b"\r") for line in lines]

    assert frames(Lines().decoder(), b"".join(line + b"\n" for line in lines)) == expected


def test_a_newline_takes_one_carriage_return_before_it() -> None:
    assert frames(Lines().decoder(), b"a\r\n\r\nb\r\r\nc\rd\n") == [b"a", b"", b"b\r", b"c\rd"]


def test_any_other_terminator_is_taken_as_written() -> None:
    assert frames(Lines(b"\r").decoder(), b"a\r\nb\r") == [b"a", b"\nb"]
    assert frames(Lines(b"\r\n").decoder(), b"a\nb\r\r\n") == [b"a\nb\r"]


@given(streams, cuts, st.integers(1, 6))
def test_a_line_is_too_long_whatever_the_split(
    stream: tuple[bytes, bytes], lengths: list[int], limit: int
) -> None:
    """L6: no sooner and no later."""
    end, data = stream

    def too_long(*pieces: bytes) -> bool:
        decoder = Lines(end, max_length=limit).decoder()
        try:
            frames(decoder, *pieces)
        except ProtocolError:
            return True
        return False

    *lines, rest = data.split(end)
    certain = any(len(line) > limit for line in lines) or len(rest) >= limit + len(end)

    assert too_long(data) == too_long(*cut(data, lengths)) == certain


@given(st.lists(st.binary(max_size=50), max_size=30), st.sampled_from(ENDS))
def test_garbage_cannot_grow_the_buffer(pieces: list[bytes], end: bytes) -> None:
    """L6."""
    decoder = Lines(end, max_length=16).decoder()
    for piece in pieces:
        try:
            frames(decoder, piece)
        except ProtocolError:
            assert decoder.pending == b""

        assert len(decoder.pending) < 16 + len(end)


def test_a_line_that_is_too_long_is_shown_and_dropped() -> None:
    """L6: the decoder is usable afterwards."""
    decoder = Lines(max_length=100).decoder()
    decoder.feed(bytes(range(97, 107)) * 20)
    with pytest.raises(ProtocolError, match=r"200 bytes .* begin with b'(abcdefghij){4}'$"):
        decoder.next_frame()

    assert decoder.pending == b""
    assert frames(decoder, b"23.4\n") == [b"23.4"]


def test_the_longest_line_passes() -> None:
    assert frames(Lines(max_length=4).decoder(), b"12345"[:4], b"\n") == [b"1234"]


def test_clear_forgets_half_a_line() -> None:
    decoder = Lines(b"\r\n").decoder()
    decoder.feed(b"half a line\r")
    assert decoder.next_frame() is None
    decoder.clear()

    assert decoder.pending == b""
    assert frames(decoder, b"\n23.4\r\n") == [b"\n23.4"]


def test_a_long_line_byte_by_byte_takes_linear_time() -> None:
    """L6: four times the bytes take about four times as long, not sixteen."""

    def seconds(length: int) -> float:
        decoder = LineDecoder(Lines(b"\r\n", max_length=length))
        started = time.thread_time()
        for _ in range(length):
            decoder.feed(b"\r")
            decoder.next_frame()
        return time.thread_time() - started

    assert seconds(40_000) < 8 * min(seconds(10_000) for _ in range(3))


@pytest.mark.parametrize("options", [{"end": b""}, {"end": "\n"}, {"send_end": b""}, {"max_length": 0}])
def test_lines_without_an_end_or_a_length_cannot_be(options: dict[str, bytes | str | int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Lines(**options)  # type: ignore[arg-type]
