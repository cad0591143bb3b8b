"""Values on their way to a bench and back, as exact as JSON lets them be."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from labtroupe.errors import ArgumentError

# Kinds of records for which a class is kept: as many as a bench's commands may answer with.
_RECORDS: Final = 256


def to_plain(value: object) -> object:
    """Return a value in the types of JSON, from which the bench makes what a command wants.

    Raises:
        ArgumentError: JSON has nothing for it.
    """
    try:
        return _finite(msgspec.to_builtins(value, enc_hook=_hook))
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"{value!r} cannot be sent to a bench: {error}") from None


def from_exact(value: object) -> object:
    """Return what a bench means by its answer; a record has its fields as attributes."""
    if isinstance(value, list):
        return [from_exact(each) for each in cast("Sequence[object]", value)]
    if isinstance(value, dict):
        return _from_table(cast("Mapping[str, object]", value))
    return value


def _from_table(table: Mapping[str, object]) -> object:
    match table:
        case {"$float": str(text)}:
            return float(text)
        case {"$bytes": str(text)}:
            return base64.b64decode(text)
        case {"$record": str(name), "fields": fields}:
            values = _values(cast("Mapping[str, object]", fields))
            return _record(name, tuple(values))(**values)
        case {"$table": inner}:
            return _values(cast("Mapping[str, object]", inner))
        case _:
            return _values(table)


def _values(table: Mapping[str, object]) -> dict[str, object]:
    return {key: from_exact(each) for key, each in table.items()}


@lru_cache(_RECORDS)
def _record(name: str, fields: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return the class of a record; the same each time, so that equal ones are equal."""
    return msgspec.defstruct(name, list(fields), frozen=True)


def _hook(value: Any) -> object:  # noqa: ANN401 - whatever a caller passes
    # What numpy has for numbers and for lists of them.
    to_list = getattr(value, "tolist", None)
    if to_list is None:
        raise TypeError(f"JSON has nothing for a {type(value).__name__}")
    return to_list()


def _finite(value: object) -> object:
    """Write NaN and the infinities as text, as JSON has no such numbers."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: _finite(each) for key, each in cast("Mapping[str, object]", value).items()}
        case list() | tuple():
            return [_finite(each) for each in cast("Sequence[object]", value)]
        case _:
            return value
