"""Modbus over a serial line (RTU) and over TCP: framings, requests, and what answers say.

After "Modbus Application Protocol Specification" V1.1b3, "Modbus over Serial Line" V1.02 and
"Modbus Messaging on TCP/IP" V1.0b.  A request or an answer, without its framing, is the address of
the unit and the protocol data unit, the same over both.  Needs the extra ``labtroupe[modbus]``;
without it, to import this raises a `ConfigError`.
"""

from __future__ import annotations

from labtroupe.protocol.modbus._answers import answers, bits, raise_refusal, registers
from labtroupe.protocol.modbus._framing import Rtu, Tcp, TcpDecoder
from labtroupe.protocol.modbus._requests import (
    ALL_UNITS,
    read_coils,
    read_discrete_inputs,
    read_holding_registers,
    read_input_registers,
    write_coil,
    write_coils,
    write_register,
    write_registers,
)

__all__ = [
    "ALL_UNITS",
    "Rtu",
    "Tcp",
    "TcpDecoder",
    "answers",
    "bits",
    "raise_refusal",
    "read_coils",
    "read_discrete_inputs",
    "read_holding_registers",
    "read_input_registers",
    "registers",
    "write_coil",
    "write_coils",
    "write_register",
    "write_registers",
]
