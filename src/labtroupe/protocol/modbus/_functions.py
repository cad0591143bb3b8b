"""The functions of Modbus that we have requests for, by what their answers look like."""

from __future__ import annotations

from typing import Final

READS_BITS: Final = (1, 2)
READS_REGISTERS: Final = (3, 4)
READS: Final = READS_BITS + READS_REGISTERS
"""Their answers say how many bytes follow."""
WRITES: Final = (5, 6, 15, 16)
"""Their answers repeat the address and the two bytes behind it."""

EXCEPTION: Final = 0x80
"""Set in the function code of an answer that says no; a code of one byte follows."""
UNIT_AND_FUNCTION: Final = 2
"""Bytes that every request and every answer begins with."""
