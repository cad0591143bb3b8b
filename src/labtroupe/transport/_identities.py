"""Addresses that say who a device is instead of where."""

from __future__ import annotations

from collections.abc import Sequence

from labtroupe.errors import ConfigError, DeviceAbsent, LabtroupeError
from labtroupe.ports import Port
from labtroupe.transport._options import Text

# What the options of an address that are an identity may be, and what that means.
HEX = Text("[0-9a-f]{4}", "four hexadecimal digits in lower case, as lsusb shows them")
ANY = Text("[^&]+", "a text")
LOCATION = Text(r"\d+-\d+(\.\d+)*", "where it is plugged in, such as 1-2.3")
NUMBER = Text(r"0|[1-9]\d{0,2}", "a whole number from 0 on")


def only_path(found: Sequence[Port], otherwise: str) -> str:
    """Return where the only one of ``found`` is."""
    return found[0].path if len(found) == 1 else otherwise


def nobody(address: str, found: Sequence[Port]) -> LabtroupeError:
    """Return the error for an address that did not lead to one device."""
    # One may have been plugged in after the look that counted.
    if len(found) <= 1:
        return DeviceAbsent(f"{address}: no such device")
    return ConfigError(
        f"{address}: there are {len(found)} such devices: {', '.join(port.path for port in found)}",
        remedy="Say more of it: `labtroupe ports` shows in what they differ.",
    )
