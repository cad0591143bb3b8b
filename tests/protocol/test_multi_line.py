from __future__ import annotations

import pytest

from labtroupe.errors import ProtocolError
from labtroupe.protocol import Lines, MultiLine

from ._feeding import frames

OPTIONS = b"OK|ERROR.*"


@pytest.mark.parametrize(
    ("framing", "received", "answers"),
    [
        pytest.param(MultiLine(b""), b"a\r\nb\n\nc\n", [b"a\nb\n"], id="until an empty line"),
        pytest.param(MultiLine(b""), b"\n\n", [b"", b""], id="nothing but empty lines"),
        pytest.param(MultiLine(OPTIONS), b"a\nOKAY\nOK\n", [b"a\nOKAY\nOK"], id="until OK"),
        pytest.param(MultiLine(OPTIONS), b"OK\nERROR 3\n", [b"OK", b"ERROR 3"], id="closing lines only"),
        pytest.param(MultiLine(count=2), b"a\n\nb\nc\nd", [b"a\n", b"b\nc"], id="a count"),
        pytest.param(MultiLine(count=2, lines=Lines(b"\r")), b"a\rb\r", [b"a\rb"], id="other ends"),
    ],
)
def test_an_answer_is_all_its_lines(framing: MultiLine, received: bytes, answers: list[bytes]) -> None:
    assert frames(framing.decoder(), received) == answers


def test_lines_that_have_come_are_pending_until_the_answer_is_whole() -> None:
    """L1: half an answer before a request is stray input."""
    decoder = MultiLine(count=2).decoder()

    assert frames(decoder, b"a\nb") == []
    assert decoder.pending == b"a\nb"


def test_the_longest_answer_passes_and_a_longer_one_is_dropped() -> None:
    """L6: what follows is decoded anew."""
    framing = MultiLine(b"OK", max_length=8)
    assert frames(framing.decoder(), b"12345\nOK\n") == [b"12345\nOK"]
    decoder = framing.decoder()
    decoder.feed(b"123456\nOK\n")
    with pytest.raises(ProtocolError, match="no end of an answer in 8 bytes"):
        decoder.next_frame()

    assert frames(decoder, b"12345\nOK\n") == [b"12345\nOK"]


def test_a_line_that_is_too_long_costs_the_lines_before_it() -> None:
    """L6, L3: an answer with a line missing would be taken for a whole one."""
    decoder = MultiLine(count=2, lines=Lines(max_length=4)).decoder()
    decoder.feed(b"a\n123456")
    with pytest.raises(ProtocolError, match="no line"):
        decoder.next_frame()

    assert decoder.pending == b""
    assert frames(decoder, b"b\nc\n") == [b"b\nc"]


@pytest.mark.parametrize("options", [{}, {"closing": b"", "count": 2}, {"count": 0}, {"closing": b"("}])
def test_there_is_one_way_to_tell_the_last_line(options: dict[str, bytes | int]) -> None:
    with pytest.raises(ValueError, match=r"count|closing"):
        MultiLine(**options)  # type: ignore[arg-type]
