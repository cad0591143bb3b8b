"""What a bench in Python says, in the tables and values that TOML would have."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import cast

import attrs

from labtroupe.bench._instrument_spec import InstrumentSpec
from labtroupe.bench._kinds import kind_of
from labtroupe.bench._mistakes import Origin, Wrong
from labtroupe.bench._values import converter_of, fields_of
from labtroupe.instrument import Instrument
from labtroupe.policy import RestartLimit
from labtroupe.transport import Address

AnySpec = InstrumentSpec[Instrument]


@attrs.frozen
class GroupSpec:
    """What is said about a group.

    Attributes:
        origin: Where.
        members: Their names.
        restart: The limit of them all; ``None`` for the default, or for limits of their own.
    """

    origin: Origin
    strategy: str
    members: Sequence[str]
    restart: RestartLimit | None

    @property
    def table(self) -> Mapping[str, object]:
        """Return the same as a table."""
        limit = {} if self.restart is None else {"restart": as_written(self.restart)}
        return {"strategy": as_written(self.strategy), "members": list(self.members), **limit}


def table_of(spec: AnySpec, parameters: Iterable[str], names: Mapping[AnySpec, str]) -> Mapping[str, object]:
    """Return what is said about an instrument as a table.

    Args:
        spec: What is said.
        parameters: The names of those that it needs.
        names: What all that is said is about.
    """
    taken = _converted(spec.instrument_type)
    table = {key: value if key in taken else as_written(value) for key, value in spec.keys.items()}
    if spec.bus is not None:
        table["bus"] = _name(spec.bus, names)
    needed = [*parameters, *(_name(each, names) for each in spec.depends_on)]
    depends_on = [each for each in dict.fromkeys(needed) if each != table.get("bus")]
    if depends_on:
        table["depends_on"] = depends_on
    return {**table, "kind": kind_of(spec.instrument_type)}


def as_written(value: object) -> object:
    """Return a value as TOML has it, as far as it has one."""
    match value:
        case enum.Enum():
            return as_written(value.value)
        case Address():
            return str(value)
        case list() | tuple() | AbstractSet():
            return [as_written(each) for each in cast("Iterable[object]", value)]
        case Mapping():
            table = cast("Mapping[str, object]", value)
            return {key: as_written(each) for key, each in table.items()}
        case _ if attrs.has(type(value)):
            fields = fields_of(cast("type[attrs.AttrsInstance]", type(value)))
            return {key: as_written(getattr(value, each.name)) for key, each in fields.items()}
        case _:
            return value


def _name(spec: AnySpec, names: Mapping[AnySpec, str]) -> str:
    return names.get(spec, f"{spec.instrument_type.__name__} of another bench")


def _converted(instrument_type: type[Instrument]) -> frozenset[str]:
    """Return the settings of a class that take whatever they are given."""
    try:
        fields = fields_of(instrument_type)
    except Wrong:
        # That is said where the kind is.
        return frozenset()
    return frozenset(name for name, field in fields.items() if converter_of(field))
