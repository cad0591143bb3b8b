"""VISA resource strings, in the words of our own addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from labtroupe.errors import ConfigError

_RESOURCE = re.compile(r"(ASRL(\d+|/.*)|(TCPIP|USB|GPIB|PXI|VXI|VICP|PRLGX-\w+?)\d*)(::.*)?", re.IGNORECASE)
"""As VPP-4.3 has them."""

_KINDS: Final = frozenset({"INSTR", "SOCKET", "RAW", "INTFC", "BACKPLANE", "MEMACC", "SERVANT"})

_ASRL: Final = "Write it like ASRL/dev/ttyUSB0::INSTR?baudrate=19200"
_TCPIP: Final = "Write it like TCPIP::192.168.1.20::5025::SOCKET; most instruments have such a port beside it"
_USB: Final = "Write it like USB::0x1ab1::0x0e11::DS1ZA1::INSTR"
_GATEWAY: Final = "Use its serial or network port, or a gateway that has one."

_LAST_ID: Final = 0xFFFF


def without_visa(text: str) -> str:
    """Return what a VISA resource string means as an address of ours; any other text as it is.

    Raises:
        ConfigError: It is one that nothing of ours can open, or is none although it begins like one.
    """
    body, _, query = text.partition("?")
    if not _RESOURCE.fullmatch(body):
        return text
    board, *parts = body.split("::")
    kind = parts.pop().upper() if parts and parts[-1].upper() in _KINDS else "INSTR"
    translate, remedy = _BUSES.get(re.split(r"[\d/]", board)[0].upper(), (_no_such_bus, _GATEWAY))
    try:
        address = translate(board, parts, kind)
    except ValueError as error:
        raise ConfigError(f"{text!r}: {error}", remedy=remedy) from error
    # Options of ours, which VISA has none of in its strings.
    return f"{address}{'&' if '?' in address else '?'}{query}" if query else address


def _serial(board: str, parts: list[str], kind: str) -> str:
    path = board[len("ASRL") :]
    if parts or kind != "INSTR":
        raise ValueError("it is no ASRL resource")
    if not path.startswith("/"):
        raise ValueError(f"which port is {board}, only the VISA library that has numbered it knows")
    return f"serial:{path}"


def _network(_: str, parts: list[str], kind: str) -> str:
    if kind == "INSTR":
        raise ValueError("VXI-11 and HiSLIP are not supported")
    match parts:
        case [host, port] if kind == "SOCKET":
            return f"tcp://{host}:{port}"
        case _:
            raise ValueError("it is no TCPIP resource")


def _usb(_: str, parts: list[str], kind: str) -> str:
    match parts:
        case [vid, pid, serial_number, *interface] if kind in {"INSTR", "RAW"} and len(interface) <= 1:
            options = [f"interface={int(number)}" for number in interface] + ["raw=1"] * (kind == "RAW")
            query = f"?{'&'.join(options)}" if options else ""
            return f"usb://{_id(vid)}:{_id(pid)}/{serial_number}{query}"
        case _:
            raise ValueError("it is no USB resource")


def _id(text: str) -> str:
    # Decimal, as pyvisa-py writes them, or hexadecimal, as all others do.
    number = int(text, 0)
    if not 0 <= number <= _LAST_ID:
        raise ValueError(f"{text} is no USB id")
    return f"{number:04x}"


def _no_such_bus(board: str, _: list[str], __: str) -> str:
    raise ValueError(f"{board} is not supported")


_BUSES: Final[Mapping[str, tuple[Callable[[str, list[str], str], str], str]]] = MappingProxyType(
    {"ASRL": (_serial, _ASRL), "TCPIP": (_network, _TCPIP), "USB": (_usb, _USB)}
)
