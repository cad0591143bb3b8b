from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.errors import ProtocolError
from labtroupe.protocol import Decoder, Echoed, Lines, Prompted, modbus

from ._feeding import cut, cuts, frames, frames_in_garbage, some

WORDS = st.lists(st.sampled_from([b"A", b"B", b"?"]), max_size=4).map(b"".join)


def ask(framing: Echoed, decoder: Decoder, request: bytes) -> bytes:
    """Send a request, and return the bytes that go out."""
    return decoder.outgoing(framing.encode(request))


def test_the_echo_is_dropped() -> None:
    framing = Echoed(Lines(b"\r"))
    decoder = framing.decoder()
    echo = ask(framing, decoder, b"T?")

    assert echo == b"T?\r"
    assert frames(decoder, b"T?\r23.4\r") == [b"23.4"]


def test_a_device_may_put_a_line_feed_behind_the_echo_and_prompt() -> None:
    framing = Echoed(Prompted(b"> ", b"\r\n", send_end=b"\r"), adds=b"\n")
    decoder = framing.decoder()
    ask(framing, decoder, b"T?")

    assert frames(decoder, b"T?\r\n23.4\r\n> ") == [b"23.4"]


def test_an_adapter_that_hears_itself_echoes_a_binary_frame() -> None:
    """Two-wire RS-485 without a switched receiver gives back each byte that was sent."""
    framing = Echoed(modbus.Rtu())
    decoder = framing.decoder()
    sent = ask(framing, decoder, modbus.read_input_registers(1, 0))

    assert frames(decoder, sent, bytes.fromhex("01 04 02 00 2a 38 ef")) == [bytes.fromhex("01 04 02 00 2a")]


def test_an_answer_that_looks_like_the_request_comes_out() -> None:
    framing = Echoed(Lines())
    decoder = framing.decoder()
    ask(framing, decoder, b"T?")

    assert frames(decoder, b"T?\nT?\n") == [b"T?"]


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4), cuts)
@some
def test_the_echo_is_dropped_however_it_is_cut(
    exchanges: list[tuple[bytes, bytes]], lengths: list[int]
) -> None:
    """L6."""
    framing = Echoed(Lines())
    decoder = framing.decoder()
    for request, answer in exchanges:
        echo = ask(framing, decoder, request)

        assert frames(decoder, *cut(echo + answer + b"\n", lengths)) == [answer]
        assert decoder.pending == b""


def test_echoes_of_what_has_no_answer_are_no_stray_input() -> None:
    """L1: they were due."""
    framing = Echoed(Lines())
    decoder = framing.decoder()
    ask(framing, decoder, b"HEAT 40")
    decoder.feed(b"HEA")
    assert decoder.pending == b""
    ask(framing, decoder, b"T?")

    assert frames(decoder, b"T 40\nT?\n23.4\n") == [b"23.4"]


def test_what_comes_unasked_is_stray_input() -> None:
    """L1."""
    decoder = Echoed(Lines()).decoder()
    decoder.feed(b"boot")

    assert decoder.pending == b"boot"


def test_what_comes_instead_of_the_echo_is_no_answer() -> None:
    """L3."""
    framing = Echoed(Lines())
    decoder = framing.decoder()
    ask(framing, decoder, b"T?")
    decoder.feed(b"22.1\n")

    assert decoder.pending == b"22.1\n"
    with pytest.raises(ProtocolError, match=r"b'22\.1\\n' came where the echo b'T\?\\n' was due"):
        decoder.next_frame()
    assert decoder.pending == b""


@given(st.lists(WORDS, max_size=3), cuts)
@some
def test_after_a_late_answer_the_one_behind_the_echo_is_ours(late: list[bytes], lengths: list[int]) -> None:
    """L2: what comes after the echo of the last request answers nothing older."""
    framing = Echoed(Lines())
    decoder = framing.decoder()
    before = b"".join(line.replace(b"A", b"B") + b"\n" for line in late)
    # Half a command that was cut off is ended, and the device says what it thinks of it.
    ask(framing, decoder, b"")
    ask(framing, decoder, b"A?")

    assert frames_in_garbage(decoder, *cut(b"OUT\nerror\n" + before + b"A?\n23.4\n", lengths)) == [b"23.4"]


@given(st.lists(WORDS, min_size=1, max_size=3), st.lists(st.sampled_from([b"A", b"B", b"?", b"\n"])), cuts)
@some
def test_what_comes_instead_of_an_echo_is_bounded_and_the_same_however_it_is_cut(
    requests: list[bytes], received: list[bytes], lengths: list[int]
) -> None:
    """L6: and nothing but a `ProtocolError` is raised."""
    framing = Echoed(Lines())
    found: list[list[bytes]] = []
    for pieces in ([b"".join(received)], cut(b"".join(received), lengths), received):
        decoder = framing.decoder()
        for request in requests:
            ask(framing, decoder, request)
        found.append([])
        for piece in pieces:
            found[-1] += frames_in_garbage(decoder, piece)

            # Less than an echo with its end.
            assert len(decoder._held) <= max(map(len, requests))

    assert found[0] == found[1] == found[2]


def test_echoes_that_never_come_are_not_kept_for_ever() -> None:
    """L6."""
    framing = Echoed(Lines())
    decoder = framing.decoder()
    for _ in range(1000):
        ask(framing, decoder, b"HEAT 40")

    assert len(decoder._owed) <= 64


def test_clear_forgets_what_was_to_be_echoed() -> None:
    framing = Echoed(Lines())
    decoder = framing.decoder()
    ask(framing, decoder, b"T?")
    decoder.feed(b"T")
    decoder.clear()

    assert frames(decoder, b"23.4\n") == [b"23.4"]
