"""All that is plugged in at one moment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property

import attrs

from labtroupe.ports._port import Identity, Port
from labtroupe.ports._serial_ports import serial_ports
from labtroupe.ports._usb_devices import usb_devices


@attrs.define(eq=False)
class Plugged:
    """What is plugged in; each list is made when it is first looked at, for many who look."""

    @cached_property
    def serial(self) -> Sequence[Port]:
        """The serial ports."""
        return serial_ports()

    @cached_property
    def usb(self) -> Sequence[Port]:
        """The USB devices."""
        return usb_devices()


def is_usable(path: str) -> bool:
    """Return whether there is something at a path that this user may open, which udev allows late."""
    return os.access(path, os.R_OK | os.W_OK)


def usable(ports: Sequence[Port], who: Identity) -> bool:
    """Return whether ``who`` is among some ports, and this user may open it."""
    return any(who.matches(port.identity) and is_usable(port.path) for port in ports)
