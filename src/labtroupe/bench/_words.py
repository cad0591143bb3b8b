"""Types and values in the words of those who write TOML."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, Union, get_args, get_origin

import attrs

# Characters of a text that are shown.
_SHOWN: Final = 40

_TYPES: Final[Mapping[object, str]] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    datetime: "a date and time",
    date: "a date",
    time: "a time",
    dict: "a table",
    Mapping: "a table",
    list: "an array",
    tuple: "an array",
    set: "an array",
    frozenset: "an array",
    Sequence: "an array",
}


def in_words(annotation: object) -> str:
    """Return what a value of this type is called, such as ``a whole number``."""
    origin = get_origin(annotation) or annotation
    if origin is Annotated:
        return in_words(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return _either([in_words(member) for member in get_args(annotation) if member is not NoneType])
    if choices := choices_of(annotation):
        return _either(list(map(spell_value, choices)))
    if isinstance(origin, type) and attrs.has(origin):
        return "a table"
    return _TYPES.get(origin, f"a {getattr(origin, '__name__', origin)}")


def choices_of(annotation: object) -> Mapping[object, object]:
    """Return the values that TOML may have for a `Literal` or an enum, with what Python has for each."""
    if get_origin(annotation) is Literal:
        return {value: value for value in get_args(annotation)}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return {member.value: member for member in annotation}
    return {}


def describe(value: object) -> str:
    """Return what a value is, such as ``the string "psu"`` or ``an array``."""
    return f"the string {spell_value(value)}" if isinstance(value, str) else spell_value(value)


def spell_value(value: object) -> str:
    """Return a value as TOML writes it, cut short if it is long, or what it is if it has parts."""
    match value:
        case dict():
            return "a table"
        case list():
            return "an array"
        case str() | bool():
            text = json.dumps(value, ensure_ascii=False)
        case date() | time():
            text = value.isoformat()
        case _:
            text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
