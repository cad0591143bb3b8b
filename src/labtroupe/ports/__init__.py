"""What is plugged in, who it is, and which processes hold it; opens and asks nothing.

It imports no trio, so that the command line can list ports at once.
"""

from __future__ import annotations

from labtroupe.ports._holders import Holder, holders_of, holders_of_each
from labtroupe.ports._plugged import Plugged, is_usable, usable
from labtroupe.ports._port import Identity, Port
from labtroupe.ports._serial_ports import serial_ports
from labtroupe.ports._usb_devices import usb_descriptors, usb_devices

__all__ = [
    "Holder",
    "Identity",
    "Plugged",
    "Port",
    "holders_of",
    "holders_of_each",
    "is_usable",
    "serial_ports",
    "usable",
    "usb_descriptors",
    "usb_devices",
]
