"""Modbus requests, each made by a function.

All of them raise an `ArgumentError` if there is no such unit, address, count or value.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from labtroupe.errors import ArgumentError
from labtroupe.protocol.modbus._pymodbus import ModbusPDU, bit_message, register_message

# "Modbus over Serial Line", 2.2.
ALL_UNITS: Final = 0
"""The address to which all devices on a line listen, for writing; none answers."""

# Application protocol, 6.11 and 6.12.
_MAX_COILS_WRITTEN: Final = 1968
_MAX_REGISTERS_WRITTEN: Final = 123


def read_coils(unit: int, address: int, count: int = 1) -> bytes:
    """Return the request for ``count`` outputs, 1 to 2000 bits, from ``address`` on."""
    return _request(unit, bit_message.ReadCoilsRequest(address=address, count=count))


def read_discrete_inputs(unit: int, address: int, count: int = 1) -> bytes:
    """Return the request for ``count`` inputs, 1 to 2000 bits, from ``address`` on."""
    return _request(unit, bit_message.ReadDiscreteInputsRequest(address=address, count=count))


def read_holding_registers(unit: int, address: int, count: int = 1) -> bytes:
    """Return the request for ``count`` holding registers, 1 to 125, from ``address`` on."""
    return _request(unit, register_message.ReadHoldingRegistersRequest(address=address, count=count))


def read_input_registers(unit: int, address: int, count: int = 1) -> bytes:
    """Return the request for ``count`` input registers, 1 to 125, from ``address`` on."""
    return _request(unit, register_message.ReadInputRegistersRequest(address=address, count=count))


def write_coil(unit: int, address: int, *, on: bool) -> bytes:
    """Return the request to switch one output."""
    return _request(unit, bit_message.WriteSingleCoilRequest(address=address, bits=[on]))


def write_register(unit: int, address: int, value: int) -> bytes:
    """Return the request to write one holding register, 0 to 65535."""
    return _request(unit, register_message.WriteSingleRegisterRequest(address=address, registers=[value]))


def write_coils(unit: int, address: int, values: Sequence[bool]) -> bytes:
    """Return the request to switch 1 to 1968 outputs, from ``address`` on."""
    _check_count(values, _MAX_COILS_WRITTEN)
    return _request(unit, bit_message.WriteMultipleCoilsRequest(address=address, bits=values))


def write_registers(unit: int, address: int, values: Sequence[int]) -> bytes:
    """Return the request to write 1 to 123 holding registers, 0 to 65535, from ``address`` on."""
    _check_count(values, _MAX_REGISTERS_WRITTEN)
    return _request(unit, register_message.WriteMultipleRegistersRequest(address=address, registers=values))


def _request(unit: int, pdu: ModbusPDU) -> bytes:
    try:
        return struct.pack("BB", unit, pdu.function_code) + pdu.encode()
    except (ValueError, struct.error) as error:
        raise ArgumentError(f"no Modbus request: {error}") from error


def _check_count(values: Sequence[object], most: int) -> None:
    if not 1 <= len(values) <= most:
        raise ArgumentError(f"1 to {most} values can be written at once, and not {len(values)}")
