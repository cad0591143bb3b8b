from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from labtroupe.errors import ProtocolError
from labtroupe.protocol import (
    AsHex,
    Checksum,
    Checksummed,
    ChecksummedFrame,
    Enclosed,
    LengthPrefixed,
    Lines,
    crc16_ccitt,
    crc16_modbus,
    crc16_xmodem,
    lrc8,
    sum8,
    xor8,
)

from ._feeding import frames, some


@pytest.mark.parametrize(
    ("checksum", "check"),
    [
        (crc16_modbus, "374b"),
        (crc16_xmodem, "31c3"),
        (crc16_ccitt, "29b1"),
        (sum8, "dd"),
        (lrc8, "23"),
        (xor8, "31"),
        (AsHex(crc16_xmodem), b"31C3".hex()),
    ],
)
def test_the_check_values_are_those_of_the_catalogue(checksum: Checksum, check: str) -> None:
    """Of the catalogue of parametrised CRC algorithms: MODBUS 0x4b37, XMODEM 0x31c3, IBM-3740 0x29b1.

    Each of b"123456789"; for the others, sum 0x1dd and exclusive or 0x31, by hand.
    """
    assert checksum(b"123456789") == bytes.fromhex(check)


@given(st.binary(max_size=64))
@some
def test_checksums_are_what_their_definitions_say(data: bytes) -> None:
    assert crc16_modbus(data) == FramerRTU.compute_CRC(data).to_bytes(2, "big")
    assert (sum(data) + lrc8(data)[0]) % 256 == 0
    assert sum8(data)[0] == sum(data) % 256
    assert xor8(data)[0] == functools.reduce(lambda one, other: one ^ other, data, 0)


def nmea(sentence: bytes) -> bytes:
    """Return what follows an NMEA 0183 sentence, of which the dollar sign does not count."""
    return b"*" + AsHex(xor8)(sentence[1:])


@pytest.mark.parametrize(
    ("framing", "message", "sent"),
    [
        pytest.param(Checksummed(Lines(b"\r"), AsHex(sum8)), b"[M01V07", b"[M01V07C6\r", id="sum in digits"),
        pytest.param(
            Checksummed(Lines(b"\r\n"), nmea), b"$GPGLL,,,,,,V,N", b"$GPGLL,,,,,,V,N*64\r\n", id="NMEA"
        ),
        pytest.param(
            Checksummed(LengthPrefixed(1), crc16_modbus),
            b"123456789",
            b"\x0b123456789\x37\x4b",
            id="in the length",
        ),
        pytest.param(
            ChecksummedFrame(Enclosed(), lambda frame: AsHex(xor8)(frame[1:])),
            b"\x80\x30\x30\x30\x31",
            b"\x02\x80\x30\x30\x30\x31\x03\x38\x32",
            id="behind ETX",
        ),
    ],
)
def test_a_checksum_is_where_the_device_wants_it(
    framing: Checksummed | ChecksummedFrame, message: bytes, sent: bytes
) -> None:
    assert framing.encode(message) == sent
    assert frames(framing.decoder(), sent) == [message]


@pytest.mark.parametrize(
    "framing",
    [
        Checksummed(Lines(), AsHex(sum8)),
        Checksummed(LengthPrefixed(), crc16_modbus),
        ChecksummedFrame(Enclosed(), xor8),
        ChecksummedFrame(LengthPrefixed(), crc16_ccitt),
    ],
)
@given(data=st.data())
@some
def test_a_frame_with_one_wrong_bit_is_dropped_and_the_next_is_not(
    framing: Checksummed | ChecksummedFrame, data: st.DataObject
) -> None:
    """L3, L6."""
    frame = bytearray(framing.encode(b"MEAS 23.4"))
    # Not one of those that say where the frame ends.
    at = data.draw(st.integers(2, len(frame) - 4))
    frame[at] ^= 1 << data.draw(st.sampled_from([0, 2, 4]))
    decoder = framing.decoder()
    decoder.feed(bytes(frame) + framing.encode(b"next"))
    with pytest.raises(ProtocolError, match=r"the checksum of .* is .*, and should be"):
        decoder.next_frame()

    assert frames(decoder, b"") == [b"next"]


def test_a_frame_too_short_for_a_checksum_has_a_wrong_one() -> None:
    """L3."""
    decoder = Checksummed(Lines(), crc16_modbus).decoder()
    decoder.feed(b"a\n")
    with pytest.raises(ProtocolError, match=r"is b'a', and should be b'\\xff\\xff'"):
        decoder.next_frame()
