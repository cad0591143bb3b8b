"""Bytes to and from one device, over a serial port, USB, a network, or a program's pipes.

`Address.parse` reads an address, `open_transport` claims and opens it, and a `Transport` carries
bytes until it is closed.  `wait_appears` says when it is worth trying again.
"""

from __future__ import annotations

from labtroupe.transport._address import Address
from labtroupe.transport._claims import claim, claims
from labtroupe.transport._hotplug import wait_appears
from labtroupe.transport._memory import MemoryAddress, MemoryPort
from labtroupe.transport._open import open_transport
from labtroupe.transport._process import ProcessAddress
from labtroupe.transport._serial import SerialAddress
from labtroupe.transport._sim import SimAddress
from labtroupe.transport._tcp import TcpAddress
from labtroupe.transport._transport import Transport
from labtroupe.transport._usb import UsbAddress

__all__ = [
    "Address",
    "MemoryAddress",
    "MemoryPort",
    "ProcessAddress",
    "SerialAddress",
    "SimAddress",
    "TcpAddress",
    "Transport",
    "UsbAddress",
    "claim",
    "claims",
    "open_transport",
    "wait_appears",
]
