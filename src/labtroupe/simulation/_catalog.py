"""From the name in a ``sim:`` address to a simulated device."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType

from labtroupe.errors import ConfigError
from labtroupe.simulation._device import SimulatedDevice
from labtroupe.simulation._linkam import LinkamStage
from labtroupe.simulation._modbus_bus import ModbusBus
from labtroupe.simulation._multimeter import Multimeter
from labtroupe.simulation._power_supply import PowerSupply
from labtroupe.simulation._silent import Silent
from labtroupe.simulation._suggest import suggestion
from labtroupe.simulation._tape import Tape

SIMULATED: Mapping[str, Callable[..., SimulatedDevice]] = MappingProxyType(
    {
        "dc-power-supply": PowerSupply,
        "linkam-t95": LinkamStage,
        "modbus-rtu-bus": ModbusBus,
        "scpi": Multimeter,
        "silent": Silent,
        "tape": Tape,
    }
)
"""What comes with labtroupe, by the name after ``sim:``."""


def make_device(name: str, **options: str | float) -> SimulatedDevice:
    """Return a new simulated device, switched on.

    Args:
        name: One of ``SIMULATED``, or ``"package.module:Class"`` for one of your own.
        options: What its class takes; text is converted, as it comes from an address.

    Raises:
        ConfigError: There is no such device, or it does not take these options.
    """
    make = _imported(name) if ":" in name else SIMULATED.get(name)
    if make is None:
        raise ConfigError(
            f"there is no simulated device {name!r}",
            remedy=suggestion(name, SIMULATED, plural="simulated devices"),
        )
    _check_options(name, make, options)
    try:
        return make(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"the simulated device {name} cannot be made: {error}",
            remedy="Correct its class, or its options." if ":" in name else "Correct its options.",
        ) from error


def _imported(name: str) -> Callable[..., SimulatedDevice]:
    """Return a user's own class."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"cannot import {name}: {error}", remedy="Write it `package.module:Class`."
        ) from error
    if not (isinstance(found, type) and issubclass(found, SimulatedDevice)):
        raise ConfigError(
            f"{name} is not a simulated device", remedy="Derive it from `labtroupe.simulation.LineDevice`."
        )
    return found


def _check_options(
    name: str, make: Callable[..., SimulatedDevice], options: Mapping[str, str | float]
) -> None:
    known = inspect.signature(make).parameters
    for option in options:
        if option not in known:
            raise ConfigError(
                f"the simulated device {name} has no option {option!r}",
                remedy=suggestion(option, known, plural="options"),
            )
