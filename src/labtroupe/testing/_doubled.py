"""A bench with doubles in the places of some of its instruments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from labtroupe.bench import BenchConfig, InstrumentConfig
from labtroupe.errors import UnknownInstrumentError
from labtroupe.instrument import Instrument
from labtroupe.names import did_you_mean
from labtroupe.testing._double import Double
from labtroupe.transport import Address

# So that nothing looks for the real device, and a bench that is all simulated does not ask for another.
_NOWHERE: Final = Address.parse("sim:silent?via=memory")


def doubled(config: BenchConfig, doubles: Mapping[str, Double[Any]]) -> BenchConfig:
    """Return a bench with doubles in place of instruments, by name; all else is kept.

    Raises:
        UnknownInstrumentError: It has none of one of these names.
        TypeError: A double stands for another class than the instrument has.
        ValueError: A double stands in for another one already.
    """
    known = [each.name for each in config.instruments]
    for name in doubles:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UnknownInstrumentError(
                f"there is no instrument {name!r} to put a double in its place{hint}"
            )
    instruments = (_one(each, doubles.get(each.name)) for each in config.instruments)
    return attrs.evolve(config, instruments=tuple(instruments))


def _one(config: InstrumentConfig, double: Double[Instrument] | None) -> InstrumentConfig:
    if double is None:
        return config
    return attrs.evolve(
        config,
        instrument_type=double.take_place(config.name, config.instrument_type),
        address=None if config.address is None else _NOWHERE,
        identity="",
    )
