"""Requests to bytes, and bytes to answers; no I/O, no clock.

A link needs a `Framing`: a value that turns a request into bytes, and that makes a `Decoder` for
each connection.  Both are typing protocols, so a new framing is one new file that imports neither.
Modbus is in `labtroupe.protocol.modbus`, as it needs an extra.
"""

from __future__ import annotations

from labtroupe.protocol._blocks import LinesAndBlocks, block, block_data, is_block
from labtroupe.protocol._checksummed import Checksum, Checksummed, ChecksummedFrame
from labtroupe.protocol._checksums import AsHex, crc16_ccitt, crc16_modbus, crc16_xmodem, lrc8, sum8, xor8
from labtroupe.protocol._cobs import Cobs
from labtroupe.protocol._cutting import Cut, CuttingDecoder, CuttingFraming
from labtroupe.protocol._echo import Echoed
from labtroupe.protocol._enclosed import Enclosed
from labtroupe.protocol._fixed_length import FixedLength
from labtroupe.protocol._framing import Decoder, Framing
from labtroupe.protocol._length_prefixed import LengthPrefixed
from labtroupe.protocol._lines import LineDecoder, Lines
from labtroupe.protocol._multi_line import MultiLine
from labtroupe.protocol._prompted import Prompted
from labtroupe.protocol._slip import Slip

__all__ = [
    "AsHex",
    "Checksum",
    "Checksummed",
    "ChecksummedFrame",
    "Cobs",
    "Cut",
    "CuttingDecoder",
    "CuttingFraming",
    "Decoder",
    "Echoed",
    "Enclosed",
    "FixedLength",
    "Framing",
    "LengthPrefixed",
    "LineDecoder",
    "Lines",
    "LinesAndBlocks",
    "MultiLine",
    "Prompted",
    "Slip",
    "block",
    "block_data",
    "crc16_ccitt",
    "crc16_modbus",
    "crc16_xmodem",
    "is_block",
    "lrc8",
    "sum8",
    "xor8",
]
