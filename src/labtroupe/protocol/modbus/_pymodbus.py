"""What we take from pymodbus: the requests and the answers, without their framing."""

from __future__ import annotations

from labtroupe.errors import ConfigError

try:
    from pymodbus.constants import ExcCodes
    from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU, bit_message, register_message
except ImportError as error:
    raise ConfigError("Modbus needs what is not installed: pip install 'labtroupe[modbus]'") from error

__all__ = ["DecodePDU", "ExcCodes", "ExceptionResponse", "ModbusPDU", "bit_message", "register_message"]
