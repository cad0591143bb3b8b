from __future__ import annotations

import sys

import pytest

from labtroupe.errors import ConfigError, ProtocolError
from labtroupe.protocol import Cobs, Slip

from ._feeding import frames

RUN = bytes(range(1, 256))


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        pytest.param(b"abc", "c0 616263 c0", id="plain"),
        pytest.param(b"\xc0", "c0 dbdc c0", id="END"),
        pytest.param(b"\xdb", "c0 dbdd c0", id="ESC"),
        pytest.param(b"\xdb\xdc\xdd\xc0", "c0 dbdd dc dd dbdc c0", id="what escapes are made of"),
    ],
)
def test_slip_is_as_rfc_1055_has_it(message: bytes, sent: str) -> None:
    """RFC 1055: END is 192, ESC 219, and after ESC 220 stands for END and 221 for ESC.

    Its sender begins with an END "to flush out any data that may have accumulated in the
    receiver due to line noise".
    """
    assert Slip().encode(message) == bytes.fromhex(sent)
    assert frames(Slip().decoder(), bytes.fromhex(sent)) == [message]


def test_an_escape_that_does_not_exist_costs_its_frame_only() -> None:
    """L6."""
    decoder = Slip().decoder()
    decoder.feed(b"a\xdbb\xc0\xdb\xc0abc\xc0")
    for _ in range(2):
        with pytest.raises(ProtocolError, match="an escape that does not exist"):
            decoder.next_frame()

    assert frames(decoder, b"") == [b"abc"]


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"\x00", "01 01 00"),
        (b"\x00\x00", "01 01 01 00"),
        (b"\x00\x11\x00", "01 02 11 01 00"),
        (b"\x11\x22\x00\x33", "03 11 22 02 33 00"),
        (b"\x11\x22\x33\x44", "05 11 22 33 44 00"),
        (b"\x11\x00\x00\x00", "02 11 01 01 01 00"),
        (RUN[:254], "ff" + RUN[:254].hex() + "00"),
        (b"\x00" + RUN[:254], "01 ff" + RUN[:254].hex() + "00"),
        (RUN, "ff" + RUN[:254].hex() + "02 ff 00"),
    ],
)
def test_a_code_of_cobs_is_so_many_bytes_and_a_zero(message: bytes, sent: str) -> None:
    """Cheshire and Baker (1999): a code n is n - 1 bytes and a zero, 0xFF is 254 bytes and none.

    These are the examples that Wikipedia's article has.
    """
    assert Cobs().encode(message) == bytes.fromhex(sent)
    assert frames(Cobs().decoder(), bytes.fromhex(sent)) == [message]


def test_a_code_that_leads_beyond_its_frame_costs_this_frame_only() -> None:
    """L6."""
    decoder = Cobs().decoder()
    decoder.feed(b"\x09ab\0\0\x02a\0")
    with pytest.raises(ProtocolError, match="no COBS frame"):
        decoder.next_frame()

    assert frames(decoder, b"") == [b"a"]


@pytest.mark.parametrize("sent", range(1, len(b"\x08T 90.00")))
def test_half_a_command_that_is_ended_is_no_command(sent: int) -> None:
    """L4: what ends it is the zero alone; more would be taken for the rest of it."""
    decoder = Cobs().decoder()
    decoder.feed(Cobs().encode(b"T 90.00")[:sent] + Cobs().encode(b"") + Cobs().encode(b"ID?"))
    with pytest.raises(ProtocolError, match="no COBS frame"):
        decoder.next_frame()

    assert frames(decoder, b"") == [b"ID?"]


def test_without_its_extra_cobs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cobs.cobs", None)
    with pytest.raises(ConfigError, match=r"pip install 'labtroupe\[cobs\]'"):
        Cobs()
