"""Values in the types of JSON, marked where JSON cannot say what they are.

`labtroupe.client` reads the marks, which are keys that begin with a dollar sign.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs
import msgspec

from labtroupe.control._wire import to_json


def to_exact(value: object) -> object:
    """Return a value as JSON from which a program gets it back: NaN, bytes, records with their names.

    Of an enum it is the value; what JSON does not know at all becomes text.
    """
    match value:
        case enum.Enum():
            return to_exact(value.value)
        case float() if not math.isfinite(value):
            return {"$float": repr(float(value))}
        case bytes() | bytearray():
            return {"$bytes": base64.b64encode(value).decode()}
        case Mapping():
            return _table(cast("Mapping[object, object]", value))
        case list() | tuple() | set() | frozenset():
            return [to_exact(each) for each in cast("Iterable[object]", value)]
        case _:
            return _record(value)


def _table(value: Mapping[object, object]) -> object:
    table = {str(to_json(key)): to_exact(each) for key, each in value.items()}
    # So that it is not taken for a mark itself.
    return {"$table": table} if any(key.startswith("$") for key in table) else table


def _record(value: object) -> object:
    names = _field_names(type(value))
    if names is not None:
        fields = {name: to_exact(getattr(value, name)) for name in names}
        return {"$record": type(value).__name__, "fields": fields}
    # What numpy has for numbers and for lists of them.
    to_list = getattr(value, "tolist", None)
    return to_json(value) if to_list is None else to_exact(to_list())


def _field_names(kind: type[Any]) -> Iterable[str] | None:
    if attrs.has(kind):
        return attrs.fields_dict(kind)
    if dataclasses.is_dataclass(kind):
        return [each.name for each in dataclasses.fields(kind)]
    return kind.__struct_fields__ if issubclass(kind, msgspec.Struct) else None
