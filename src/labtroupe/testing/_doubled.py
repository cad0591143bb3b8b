"""A bench with doubles in the places of some of its instruments, or of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from labtroupe.actor import DEFAULT_CAPACITY
from labtroupe.bench import BenchConfig, InstrumentConfig
from labtroupe.errors import ArgumentError, UnknownInstrumentError
from labtroupe.instrument import Instrument, Reattach
from labtroupe.names import did_you_mean
from labtroupe.policy import Policy
from labtroupe.simulation import Silent
from labtroupe.testing._double import Double
from labtroupe.transport import Address


class Nothing(Silent):
    """What is behind the port of an instrument with a double in its place."""

    def check_fault(self, fault: str) -> None:
        """Refuse: the double would not notice."""
        raise ArgumentError(
            f"there is a double in its place, and no device that could have the fault {fault}",
            remedy='Let the double fail instead, as by `double.fail(LinkLost("unplugged"))`.',
        )


# So that nothing looks for the real device, and a bench that is all simulated does not ask for another.
_NOWHERE: Final = Address.parse(f"sim:{__name__}:Nothing?via=memory")

_START_TIMEOUT: Final = 10.0
"""Seconds a start may take, as for an instrument in a file that says nothing of it."""


def doubled(config: BenchConfig, doubles: Mapping[str, Double[Any]]) -> BenchConfig:
    """Return a bench with doubles in place of instruments, by name; all else is kept.

    Raises:
        UnknownInstrumentError: It has none of one of these names.
        TypeError: A double stands for another class than the instrument has, or is none.
        ValueError: A double stands in for another one already.
    """
    known = [each.name for each in config.instruments]
    for name in doubles:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UnknownInstrumentError(
                f"there is no instrument {name!r} to put a double in its place{hint}"
            )
        _check(name, doubles[name])
    instruments = (_one(each, doubles.get(each.name)) for each in config.instruments)
    return attrs.evolve(config, instruments=tuple(instruments))


def made_of(doubles: Mapping[str, Double[Any]]) -> BenchConfig:
    """Return a bench that has nothing but doubles, by name, with what a file says of none of them."""
    instruments = tuple(_alone(name, double) for name, double in doubles.items())
    return BenchConfig("fake", Path("fake"), instruments)


def _check(name: str, double: object) -> None:
    if not isinstance(double, Double):
        raise TypeError(
            f"what is to be in the place of {name} is {double!r}, and no double; make one of its class"
        )


def _alone(name: str, double: Double[Instrument]) -> InstrumentConfig:
    _check(name, double)
    kind = double.stands_for
    return InstrumentConfig(
        name=name,
        kind=f"{kind.__module__}:{kind.__qualname__}",
        instrument_type=double.take_place(name, Instrument),
        address=_NOWHERE,
        bus="",
        identity="",
        simulation="",
        reattach=Reattach.ADOPT,
        settings={},
        policy=Policy(),
        start_timeout=_START_TIMEOUT,
        mailbox=DEFAULT_CAPACITY,
    )


def _one(config: InstrumentConfig, double: Double[Instrument] | None) -> InstrumentConfig:
    if double is None:
        return config
    return attrs.evolve(
        config,
        instrument_type=double.take_place(config.name, config.instrument_type),
        address=None if config.address is None else _NOWHERE,
        identity="",
    )
