"""A port or device that is plugged in, and who it is, whatever path it has today."""

from __future__ import annotations

import attrs


@attrs.frozen
class Identity:
    """What is known of a device on USB; where one is looked for, ``""`` means "any".

    Attributes:
        vid: Its maker's number, as four hexadecimal digits.
        pid: Its maker's number for the product, likewise.
        serial_number: What tells it from others of its kind; some have none.
        location: The sockets it is plugged into, from the host's on: ``1-2.3``.
        interface: The number of one of several functions in it, such as the ports of one adapter.
    """

    vid: str = ""
    pid: str = ""
    serial_number: str = ""
    location: str = ""
    interface: str = ""

    def matches(self, other: Identity) -> bool:
        """Return whether ``other`` is all that this one asks for."""
        return all(
            asked in {"", known}
            for asked, known in zip(attrs.astuple(self), attrs.astuple(other), strict=True)
        )


@attrs.frozen
class Port:
    """A serial port, or a device on USB.

    Attributes:
        path: Where it is now, such as ``/dev/ttyUSB0`` or ``/dev/bus/usb/001/005``.
        description: What it calls itself, ``""`` if nothing.
        identity: Who it is; nothing is known of one that is not on USB.
    """

    path: str
    description: str
    identity: Identity
