from __future__ import annotations

import pytest

from labtroupe.errors import ArgumentError, ProtocolError
from labtroupe.protocol import Prompted

from ._feeding import frames, frames_in_garbage


@pytest.mark.parametrize(
    ("received", "answers"),
    [
        pytest.param(b"23.4\r\n> ", [b"23.4"], id="a line"),
        pytest.param(b"> ", [b""], id="nothing"),
        pytest.param(b"\r\n> ", [b""], id="an empty line"),
        pytest.param(b"a\r\nb\r\n> ", [b"a\r\nb"], id="two lines"),
        pytest.param(b"a > b\r\n> ", [b"a > b"], id="what looks like a prompt within a line"),
        pytest.param(b"a\r\n> b\r\n> ", [b"a", b"b"], id="two answers"),
        pytest.param(b"23.4\r\n>", [], id="half a prompt"),
    ],
)
def test_an_answer_ends_with_a_prompt_at_the_beginning_of_a_line(
    received: bytes, answers: list[bytes]
) -> None:
    assert frames(Prompted(b"> ").decoder(), received) == answers


def test_a_request_ends_as_the_device_wants_it() -> None:
    assert Prompted(b"> ", send_end=b"\r").encode(b"T?") == b"T?\r"
    assert Prompted(b"> ").encode(b"T?") == b"T?\r\n"


def test_a_request_with_a_terminator_is_refused() -> None:
    """P5: it would be two commands in one exchange."""
    with pytest.raises(ArgumentError, match="two commands"):
        Prompted(b"> ").encode(b"A\r\nB")


def test_the_longest_answer_passes_and_a_longer_one_is_dropped() -> None:
    """L6."""
    framing = Prompted(b"> ", max_length=4)
    assert frames(framing.decoder(), b"1234\r\n> ") == [b"1234"]
    decoder = framing.decoder()
    decoder.feed(b"12345\r\n> ")
    with pytest.raises(ProtocolError, match=r"9 bytes came without the prompt b'> ': b'12345"):
        decoder.next_frame()

    assert frames_in_garbage(decoder, b"1234567", b"89", b"12\r\n> ") == [b"12"]
    assert frames(decoder, b"1234\r\n> ") == [b"1234"]
