from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.errors import ArgumentError, ProtocolError
from labtroupe.protocol import LinesAndBlocks, block, block_data, is_block

from ._feeding import cut, cuts, frames, some


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b"", b"#10"),
        (b"hello", b"#15hello"),
        (b"\n" * 10, b"#210" + b"\n" * 10),
        (bytes(1234), b"#41234" + bytes(1234)),
    ],
)
def test_a_definite_block_says_how_many_bytes_it_has(data: bytes, sent: bytes) -> None:
    """IEEE 488.2-1992, 8.7.9: ``#``, a digit from 1 to 9, as many digits, and as many bytes as these say."""
    assert block(data) == sent
    assert block_data(sent) == data


@pytest.mark.parametrize(
    ("received", "messages"),
    [
        pytest.param(b"23.4\n", [b"23.4"], id="a line"),
        pytest.param(b"23.4\r\n", [b"23.4"], id="a line with a carriage return"),
        pytest.param(b"\n\n", [b"", b""], id="empty lines"),
        pytest.param(b"#15a\nb\r\n\n23.4\n", [b"#15a\nb\r\n", b"23.4"], id="a block, then a line"),
        pytest.param(b"#15a\nb\r\n\r\n", [b"#15a\nb\r\n"], id="a block and a carriage return behind it"),
        pytest.param(b"#12a\r\n", [b"#12a\r"], id="a block that ends with a carriage return"),
        pytest.param(b"#10\n#11\n\n", [b"#10", b"#11\n"], id="an empty block"),
        pytest.param(b"#9000000001\n\n", [b"#9000000001\n"], id="nine digits"),
        pytest.param(b"#12\n\n,#11\n;1\n", [b"#12\n\n,#11\n;1"], id="two blocks and a number"),
        pytest.param(b":CURVE #12\n\n\n", [b":CURVE #12\n\n"], id="a header before it"),
        pytest.param(b"C1:WF DAT1,#12\n\n\n", [b"C1:WF DAT1,#12\n\n"], id="a header and a word"),
        pytest.param(b"1,-2.5E+3, #12\n\n\n", [b"1,-2.5E+3, #12\n\n"], id="numbers before it"),
        pytest.param(b'"a, #12",#12\n\n\n', [b'"a, #12",#12\n\n'], id="a string before it"),
        pytest.param(b"#0any bytes\r\n1\n", [b"#0any bytes", b"1"], id="indefinite, to the end of line"),
        pytest.param(b"#HFF\n#B11\n#Q17\n", [b"#HFF", b"#B11", b"#Q17"], id="numbers to another base"),
        pytest.param(b"ACME,Model #19,0,1.0\n", [b"ACME,Model #19,0,1.0"], id="an identity"),
        pytest.param(b'-113,"Undefined header;#19"\n', [b'-113,"Undefined header;#19"'], id="an error"),
        pytest.param(b"#\n#1\n#3a\n#,\n", [b"#", b"#1", b"#3a", b"#,"], id="no blocks"),
        pytest.param(b"#21", [], id="half a header"),
        pytest.param(b"#13ab\n", [], id="half a block"),
    ],
)
def test_a_newline_in_a_block_ends_nothing(received: bytes, messages: list[bytes]) -> None:
    for piece in (len(received), 1):
        pieces = [received[at : at + piece] for at in range(0, len(received), piece)]

        assert frames(LinesAndBlocks().decoder(), *pieces) == messages


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4), cuts)
@some
def test_blocks_come_out_as_they_went_in(blocks: list[bytes], lengths: list[int]) -> None:
    """L6."""
    framing = LinesAndBlocks()
    message = b":CURV " + b",".join(map(block, blocks))

    assert frames(framing.decoder(), *cut(framing.encode(message), lengths)) == [message]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"A\n", id="a terminator"),
        pytest.param(b"A\nB", id="two commands"),
        pytest.param(b"DATA #13ab", id="half a block"),
        pytest.param(b"DATA #13abc\nB", id="a block and another command"),
        pytest.param(b"DATA #0a\nb", id="a terminator in an indefinite block"),
        pytest.param(b"A" * 4097, id="too long"),
    ],
)
def test_what_is_not_one_message_is_refused(request_: bytes) -> None:
    """P5: it would be two commands in one exchange, or the device would wait for the rest."""
    with pytest.raises(ArgumentError, match="is not one message"):
        LinesAndBlocks().encode(request_)


def test_a_request_may_have_newlines_in_a_block() -> None:
    request = b"DATA:DAC VOLATILE, " + block(b"a\nb\n")

    assert LinesAndBlocks().encode(request) == request + b"\n"


@pytest.mark.parametrize(
    ("received", "why"),
    [
        pytest.param(b"#9999999999", "a block up to byte 1000000010, of 10 at most", id="a block"),
        pytest.param(b"#14aaaa,#12", "a block up to byte 13, of 10 at most", id="all blocks together"),
        pytest.param(b"#12aa12345\n", "no .* in 4 bytes of text", id="text behind a block"),
        pytest.param(b"12345\n", "no .* in 4 bytes of text", id="a line"),
        pytest.param(b"#0" + b"a" * 11, "no .* in 10 bytes of text", id="an indefinite block"),
    ],
)
def test_what_is_too_long_is_known_at_once_and_dropped(received: bytes, why: str) -> None:
    """L6: not after all of it has come."""
    decoder = LinesAndBlocks(max_length=4, max_block=10).decoder()
    decoder.feed(received)
    with pytest.raises(ProtocolError, match=why):
        decoder.next_frame()

    assert decoder.pending == b""
    assert frames(decoder, b"#17abc\ndef\n") == [b"#17abc\ndef"]


@pytest.mark.parametrize(
    ("answer", "data"),
    [(b"#15hello", b"hello"), (b":CURV #12\n\n", b"\n\n"), (b"#0hello", b"hello"), (b"1,#10", b"")],
)
def test_the_data_of_a_block_are_taken_out_of_its_answer(answer: bytes, data: bytes) -> None:
    assert is_block(answer)
    assert block_data(answer) == data


@pytest.mark.parametrize("answer", [b"", b"hello", b"#", b"#1", b"#15hell", b"#15hello,1", b"#2ab"])
def test_an_answer_without_a_whole_block_is_none(answer: bytes) -> None:
    """L3."""
    assert not is_block(answer)
    with pytest.raises(ProtocolError, match="no whole block"):
        block_data(answer)


def test_a_block_of_ten_digits_cannot_be() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 10**9

    with pytest.raises(ArgumentError, match="too many for one block"):
        block(Huge())
