"""The serial ports there are, as pyserial finds them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from labtroupe.errors import LinkError
from labtroupe.ports._port import Identity, Port

_TRIES = 5
"""How often a list is begun anew because it has changed meanwhile."""

_LOCATION = re.compile(r"(?P<sockets>[^:]*)(?::\d+\.(?P<interface>\d+))?")


def serial_ports() -> Sequence[Port]:
    """Return the serial ports, sorted by path.

    It takes a fraction of a millisecond for each: with many, call it in a thread.

    Raises:
        LinkError: They change all the time.
    """
    for _ in range(_TRIES):
        # pyserial converts what it reads; of a device that is being unplugged that is None.
        with contextlib.suppress(TypeError):
            return sorted(map(_port, list_ports.comports()), key=lambda port: _natural(port.path))
    raise LinkError("the serial ports change faster than they can be listed", remedy="Look for a loose plug.")


def _port(info: ListPortInfo) -> Port:
    place = _LOCATION.fullmatch(info.location or "")
    identity = Identity(
        vid="" if info.vid is None else f"{info.vid:04x}",
        pid="" if info.pid is None else f"{info.pid:04x}",
        serial_number=info.serial_number or "",
        location=place["sockets"] if place else "",
        interface=(place["interface"] or "") if place else "",
    )
    return Port(info.device, "" if info.description == "n/a" else info.description, identity)


def _natural(path: str) -> list[tuple[int, str]]:
    """Return a key that puts ttyS10 after ttyS9."""
    return [(int(part) if part.isdecimal() else 0, part) for part in re.findall(r"\d+|\D+", path)]
