"""A history as the Python that makes it, to be pasted into a test."""

from __future__ import annotations

import enum
import math
from typing import cast

import attrs


def as_code(value: object) -> str:
    """Return an expression for a value; fields that are as usual are left out."""
    match value:
        case enum.Enum():
            return f"{type(value).__name__}.{value.name}"
        case tuple():
            items = cast("tuple[object, ...]", value)
            return f"({''.join(as_code(each) + ', ' for each in items)})"
        case float() if math.isinf(value):
            return "math.inf"
        case _ if attrs.has(type(value)):
            return f"{type(value).__name__}({', '.join(_arguments(cast('attrs.AttrsInstance', value)))})"
        case _:
            return repr(value)


def _arguments(value: attrs.AttrsInstance) -> list[str]:
    fields = attrs.fields(type(value))
    given = [(field, getattr(value, field.name)) for field in fields]
    return [f"{field.name}={as_code(mine)}" for field, mine in given if mine != field.default]
