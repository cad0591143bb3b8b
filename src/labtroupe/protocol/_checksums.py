"""Checksums that devices use, from any bytes to those that are sent."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Final

import attrs


def sum8(data: bytes) -> bytes:
    """Return the sum of all bytes, modulo 256."""
    return bytes([sum(data) & 0xFF])


def lrc8(data: bytes) -> bytes:
    """Return what makes the sum of all bytes 0, modulo 256 (the LRC of Modbus ASCII)."""
    return bytes([-sum(data) & 0xFF])


def xor8(data: bytes) -> bytes:
    """Return the exclusive or of all bytes (often called BCC)."""
    result = 0
    for byte in data:
        result ^= byte
    return bytes([result])


def crc16_xmodem(data: bytes) -> bytes:
    """Return CRC-16/XMODEM, the high byte first: the CCITT polynomial 0x1021, beginning with 0."""
    return binascii.crc_hqx(data, 0).to_bytes(2, "big")


def crc16_ccitt(data: bytes) -> bytes:
    """Return CRC-16/CCITT-FALSE, the high byte first: polynomial 0x1021, beginning with 0xFFFF."""
    return binascii.crc_hqx(data, 0xFFFF).to_bytes(2, "big")


def crc16_modbus(data: bytes) -> bytes:
    """Return CRC-16/MODBUS, the low byte first: polynomial 0x8005 reflected, beginning with 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC16_TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


@attrs.frozen
class AsHex:
    """Another checksum, sent as hexadecimal digits, the letters among them capitals."""

    checksum: Callable[[bytes], bytes]

    def __call__(self, data: bytes) -> bytes:
        """Return the checksum of ``data`` in digits."""
        return self.checksum(data).hex().upper().encode("ascii")


def _crc16_of_one(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


# Modbus over Serial Line V1.02, 6.2.2: one step for each value of a byte.
_CRC16_TABLE: Final = [_crc16_of_one(byte) for byte in range(256)]
