"""A bench that does not run unless certain instruments do."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from labtroupe.bench._config import BenchConfig, InstrumentConfig
from labtroupe.errors import UnknownInstrumentError
from labtroupe.names import did_you_mean


def requiring(config: BenchConfig, names: str | Collection[str] | None) -> BenchConfig:
    """Return a bench in which instruments are required, whatever its file says of them.

    Args:
        config: The bench as it is described.
        names: Which, one or several; ``None`` for all of them.

    Raises:
        UnknownInstrumentError: It has none of one of these names.
    """
    names = [names] if isinstance(names, str) else names
    known = [each.name for each in config.instruments]
    for name in names or ():
        if name not in known:
            hint = did_you_mean(name, known)
            raise UnknownInstrumentError(f"there is no instrument {name!r} to require{hint}")
    instruments = (
        _required(each) if names is None or each.name in names else each for each in config.instruments
    )
    return attrs.evolve(config, instruments=tuple(instruments))


def _required(config: InstrumentConfig) -> InstrumentConfig:
    return attrs.evolve(config, policy=attrs.evolve(config.policy, required=True, on_demand=False))
