"""The options of an address: what may stand after its question mark."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias, TypeVar

import attrs

from labtroupe.names import nearest

_ALLOWED = "labtroupe.allowed"
"""Marks the fields that are options, and holds the values they may have."""

Allowed: TypeAlias = "Collection[object] | Text"
T = TypeVar("T", bound="bool | int | float | str")


@attrs.frozen
class Text:
    """What an option may be that is a text; ``""`` if it is not given.

    Attributes:
        pattern: A regular expression for all of it.
        meaning: What it is, for those who wrote something else.
    """

    pattern: str
    meaning: str

    def __contains__(self, value: object) -> bool:
        return value == "" or (isinstance(value, str) and bool(re.fullmatch(self.pattern, value)))


def option(default: T, allowed: Collection[T] | Text) -> T:
    """Declare an option on an address class: a keyword-only field that can be spelled in text.

    Args:
        default: Its value where it is not given.
        allowed: The values it may have; a ``range`` for any whole number in it, a `Text` for any such.
    """
    field: T = attrs.field(
        default=default, kw_only=True, validator=attrs.validators.in_(allowed), metadata={_ALLOWED: allowed}
    )
    return field


def split_query(query: str) -> Mapping[str, str]:
    """Cut ``a=1&b=2`` into names and values; nothing is unescaped.

    Raises:
        ValueError: A part is no ``name=value``, or a name is given twice.
    """
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        if not (name and equals):
            raise ValueError(f"{part!r} is no option; options are written name=value")
        if name in options:
            raise ValueError(f"{name} is given twice")
        options[name] = value
    return options


def read_options(kind: type[attrs.AttrsInstance], options: Mapping[str, str]) -> Mapping[str, object]:
    """Return the values that the text of ``options`` stands for, by the fields of ``kind``.

    Raises:
        ValueError: Names every option that does not exist and every value that is not allowed.
    """
    allowed = _allowed(kind)
    values: dict[str, object] = {}
    mistakes: list[str] = []
    for name, text in options.items():
        if name not in allowed:
            mistakes.append(_no_such_option(name, allowed))
            continue
        try:
            values[name] = _read(text, allowed[name])
        except (KeyError, ValueError):
            mistakes.append(f"{name} must be {_expected(allowed[name])}, not {text!r}")
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return values


def spell_options(instance: attrs.AttrsInstance) -> Mapping[str, str]:
    """Return the options of ``instance`` that differ from their defaults, as text."""
    kind = type(instance)
    defaults = {field.name: field.default for field in attrs.fields(kind)}
    values = {name: getattr(instance, name) for name in _allowed(kind)}
    return {name: _spell(value) for name, value in values.items() if value != defaults[name]}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name that is most like ``name``, or nothing."""
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else ""


def _allowed(kind: type[attrs.AttrsInstance]) -> Mapping[str, Allowed]:
    """Return the values that each option of ``kind`` may have."""
    options = [field for field in attrs.fields(kind) if _ALLOWED in field.metadata]
    return {field.name: field.metadata[_ALLOWED] for field in options}


def _no_such_option(name: str, known: Collection[str]) -> str:
    if not known:
        return f"there is no option {name}; this scheme has none"
    return f"there is no option {name}" + (did_you_mean(name, known) or f"; there are {', '.join(known)}")


def _read(text: str, allowed: Allowed) -> object:
    if isinstance(allowed, Text):
        if not text or text not in allowed:
            raise ValueError(text)
        return text
    if not isinstance(allowed, range):
        return {_spell(value): value for value in allowed}[text]
    # int() alone also takes "1_000", " 8" and digits of other scripts.
    if not (text.isascii() and text.isdecimal()) or int(text) not in allowed:
        raise ValueError(text)
    return int(text)


def _spell(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _expected(allowed: Allowed) -> str:
    if isinstance(allowed, range):
        return f"a whole number from {allowed[0]} to {allowed[-1]}"
    if isinstance(allowed, Text):
        return allowed.meaning
    *others, last = map(_spell, allowed)
    return f"{', '.join(others)} or {last}"
