"""The simulated device behind a `sim:` address."""

from __future__ import annotations

from typing import Final

from labtroupe.errors import ConfigError
from labtroupe.simulation import SimulatedDevice, Via, make_device
from labtroupe.transport import SimAddress

UNITS: Final = "{units}"
"""What stands in the simulation of a bus for the addresses of those that are on it."""


def make_simulated(address: SimAddress) -> tuple[SimulatedDevice, Via]:
    """Return a new device for an address, and the kind of port it is to have.

    Raises:
        ConfigError: There is no such device, or it does not take these options.
    """
    options = dict(address.options)
    match options.pop("via", "pty"):
        case "pty" | "tcp" | "memory" as via:
            return make_device(address.name, **options), via
        case other:
            raise ConfigError(
                f"{str(address)!r}: via must be pty, tcp or memory, not {other!r}",
                remedy="A serial port, a network address, or one that only this process can open.",
            )
