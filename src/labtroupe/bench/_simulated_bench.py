"""A whole bench that is simulated."""

from __future__ import annotations

from typing import Final

import attrs

from labtroupe.bench._config import BenchConfig, InstrumentConfig
from labtroupe.bench._instrument_table import check_simulation
from labtroupe.bench._mistakes import BenchConfigError, Mistake, Wrong
from labtroupe.bench._simulated import UNITS
from labtroupe.instrument import Addressed, Bus
from labtroupe.transport import Address, SimAddress

# Not in the name of any other bench: so no simulated one has the socket, or the latches, of a real one.
_SUFFIX: Final = ".sim"

_NONE: Final = (
    "nothing is known that could stand in for its device; write simulation = "
    '"sim:package.module:Class", or "sim:silent" for one that never answers'
)


def simulated(config: BenchConfig) -> BenchConfig:
    """Return the same bench with a simulated device in place of each real one.

    It is called as the bench is, with ``.sim`` after it.  All else is kept, but the identities: a
    simulated device has one of its own.

    Raises:
        BenchConfigError: It says of which instruments nothing is known that could simulate them.
    """
    if config.name.endswith(_SUFFIX):
        return config
    mistakes: list[Mistake] = []
    instruments: list[InstrumentConfig] = []
    for each in config.instruments:
        try:
            instruments.append(_one(each, config))
        except Wrong as wrong:
            mistakes += (each.origin.mistake(finding.text) for finding in wrong.findings)
    if mistakes:
        raise BenchConfigError.of(mistakes)
    return attrs.evolve(config, name=f"{config.name}{_SUFFIX}", instruments=tuple(instruments))


def _one(each: InstrumentConfig, config: BenchConfig) -> InstrumentConfig:
    if isinstance(each.address, SimAddress):
        return each
    if each.address is None:
        return attrs.evolve(each, identity="")
    if not each.simulation:
        raise Wrong.because(_NONE)
    text = each.simulation.replace(UNITS, ",".join(map(str, _units(each, config))))
    check_simulation(text)
    return attrs.evolve(each, address=Address.parse(text), identity="")


def _units(each: InstrumentConfig, config: BenchConfig) -> list[object]:
    """Return the addresses of the devices that are behind the port of an instrument."""
    if issubclass(each.instrument_type, Bus):
        return [other.settings["unit"] for other in config.instruments if other.bus == each.name]
    return [each.settings["unit"]] if issubclass(each.instrument_type, Addressed) else []
