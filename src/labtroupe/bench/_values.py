"""Values as TOML has them, held against the types that Python declares for them.

Stricter than Python: true is no number, text is never split into a list, and nan is no number
either, since no limit holds it.  A whole number may stand where any number may.
"""

from __future__ import annotations

import contextlib
import math
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

import attrs

from labtroupe.bench._mistakes import Finding, Wrong, did_you_mean
from labtroupe.bench._words import choices_of, describe, in_words, spell_value
from labtroupe.errors import ArgumentError, LabtroupeError, sentence
from labtroupe.messages import Range

Fields = Mapping[str, "attrs.Attribute[object]"]
"""The fields of a class by the names under which it is given them."""

IF_MISSING: Final = "labtroupe.if_missing"
"""Marks a field with what is said where it is missing."""

# How the validators of attrs say it.
_ATTRS_LIMIT: Final = re.compile(r"must be (>=|>|<=|<) (.+): (.+)")
_ATTRS_OPERATORS: Final = {">=": "at least", ">": "above", "<=": "at most", "<": "below"}

# What a field has for a default if that is no value.
_NO_VALUES: Final = (type(attrs.NOTHING), cast("type[object]", attrs.Factory))

# What validators, converters and classes raise if they do not like a value.
_REFUSALS: Final = (ValueError, TypeError, LabtroupeError)


def read(value: object, annotation: object) -> object:
    """Return ``value`` as the type that ``annotation`` says.

    Raises:
        Wrong: It is of another type or outside its `Range`, as a whole or in parts.
    """
    origin = get_origin(annotation) or annotation
    if choices := choices_of(annotation):
        return _read_choice(value, annotation, choices)
    if isinstance(origin, type) and attrs.has(origin):
        return _read_table(value, origin)
    return _READERS.get(origin, _read_plain)(value, annotation)


def fields_of(owner: type[attrs.AttrsInstance]) -> Fields:
    """Return what a class has to be given when it is made, with the types evaluated.

    Raises:
        Wrong: One of them cannot be.
    """
    try:
        attrs.resolve_types(owner)
    except NameError as error:
        what = f"the types in {owner.__qualname__} cannot be evaluated ({error})"
        raise Wrong.because(f"{what}; import them outside of `if TYPE_CHECKING:`") from error
    return {field.alias: field for field in attrs.fields(owner) if field.init}


def read_fields(
    table: Mapping[str, object], owner: type[attrs.AttrsInstance], fields: Fields
) -> tuple[dict[str, object], list[Finding]]:
    """Return the values that a table has for some fields of a class, and what is wrong or missing."""
    values: dict[str, object] = {}
    findings: list[Finding] = []
    for key, field in fields.items():
        try:
            if key in table:
                # What a converter takes is for the converter to say.
                values[key] = table[key] if converter_of(field) else read(table[key], field.type)
            elif field.default is attrs.NOTHING:
                hint = field.metadata.get(IF_MISSING, f"it must be {in_words(field.type)}")
                findings.append(Finding((), f"{key} is missing; {hint}"))
        except Wrong as wrong:
            findings += (finding.under(key) for finding in wrong.findings)
    draft = _draft(owner, fields, values, table)
    for key, value in tuple(values.items()):
        if text := _refusal(draft, fields[key], value):
            findings.append(Finding((key,), text))
            del values[key]
    return values, findings


def unknown_keys(table: Mapping[str, object], known: Collection[str], otherwise: str) -> Iterator[Finding]:
    """Find the keys that are not known; say which one may be meant, or else ``otherwise``."""
    for key in table:
        if key not in known:
            what = "table" if isinstance(table[key], dict) else "key"
            yield Finding((key,), f"there is no such {what}{did_you_mean(key, known) or otherwise}")


def mismatch(value: object, annotation: object) -> Wrong:
    """Return the error for a value of the wrong type, with the remedy where that is plain."""
    expected, hint = in_words(annotation), ""
    if isinstance(value, str) and expected == "an array":
        hint = f"; write [{spell_value(value)}]"
    elif isinstance(value, str) and _is_right_unquoted(value, annotation):
        hint = "; write it without quotes"
    elif isinstance(value, str):
        hint = did_you_mean(value, [each for each in choices_of(annotation) if isinstance(each, str)])
    return Wrong.because(f"must be {expected}, not {describe(value)}{hint}")


def _is_right_unquoted(text: str, annotation: object) -> bool:
    try:
        read(tomllib.loads(f"value = {text}")["value"], annotation)
    except (Wrong, ValueError, RecursionError):
        return False
    return True


def _read_anything(value: object, _: object) -> object:
    return value


def _read_plain(value: object, kind: object) -> object:
    # Not isinstance: to Python true is a whole number, and a date and time is a date.
    if kind is not type(value):
        raise mismatch(value, kind)
    return value


def _read_number(value: object, kind: object) -> float:
    # TOML's whole numbers have no limit.
    with contextlib.suppress(OverflowError):
        if isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
            return float(value)
    raise mismatch(value, kind)


def _read_choice(value: object, kind: object, choices: Mapping[object, object]) -> object:
    for choice, meant in choices.items():
        # The types as well: 1 equals true.
        if (type(choice), choice) == (type(value), value):
            return meant
    raise mismatch(value, kind)


def _read_limited(value: object, kind: object) -> object:
    bare, *extras = get_args(kind)
    result = read(value, bare)
    for extra in extras:
        if isinstance(extra, Range):
            try:
                extra.check(cast("float", result))
            except ArgumentError:
                raise Wrong.because(f"must be {extra}, not {describe(value)}") from None
    return result


def _read_union(value: object, kind: object) -> object:
    if value is None and NoneType in get_args(kind):
        # TOML has no word for it, but Python has.
        return None
    members = [member for member in get_args(kind) if member is not NoneType]
    errors: list[Wrong] = []
    for member in members:
        try:
            return read(value, member)
        except Wrong as wrong:
            errors.append(wrong)
    # Of one that fits but for a part of it, that part is the news.
    in_part = [wrong for wrong in errors if wrong.findings[0].place]
    raise (in_part or errors)[0] if in_part or len(errors) == 1 else mismatch(value, kind)


def _read_array(value: object, kind: object) -> object:
    if not isinstance(value, list):
        raise mismatch(value, kind)
    items, origin, types = cast("list[object]", value), get_origin(kind) or kind, get_args(kind)
    if origin is not tuple or types[1:] == (...,) or not types:
        types = (types[0] if types else object,) * len(items)
    elif len(types) != len(items):
        raise Wrong.because(f"must be an array of {len(types)} values, not of {len(items)}")
    make = cast("Callable[[object], object]", origin if origin in {list, set, frozenset} else tuple)
    return make(_read_all(zip(range(len(items)), items, types, strict=True)))


def _read_mapping(value: object, kind: object) -> object:
    if not isinstance(value, dict):
        raise mismatch(value, kind)
    table = cast("dict[str, object]", value)
    item = (*get_args(kind), object, object)[1]
    return dict(zip(table, _read_all((key, table[key], item) for key in table), strict=True))


def _read_all(items: Iterable[tuple[str | int, object, object]]) -> Sequence[object]:
    """Read values, each with its key and its type; raise what is wrong with any of them."""
    results: list[object] = []
    findings: list[Finding] = []
    for key, value, kind in items:
        try:
            results.append(read(value, kind))
        except Wrong as wrong:
            findings += (finding.under(key) for finding in wrong.findings)
    if findings:
        raise Wrong(*findings)
    return results


def _read_table(value: object, owner: type[attrs.AttrsInstance]) -> object:
    if not isinstance(value, dict):
        raise mismatch(value, owner)
    table, fields = cast("dict[str, object]", value), fields_of(owner)
    values, findings = read_fields(table, owner, fields)
    findings += unknown_keys(table, fields, f"; it takes {', '.join(fields)}")
    if findings:
        raise Wrong(*findings)
    try:
        return cast("Callable[..., object]", owner)(**values)
    except _REFUSALS as error:
        raise Wrong.because(_retold(error)) from error


_READERS: Final[Mapping[object, Callable[[object, Any], object]]] = {
    None: _read_anything,
    object: _read_anything,
    Any: _read_anything,
    float: _read_number,
    Annotated: _read_limited,
    Union: _read_union,
    UnionType: _read_union,
    **dict.fromkeys((list, tuple, set, frozenset, Sequence, Collection), _read_array),
    **dict.fromkeys((dict, Mapping), _read_mapping),
}


def _draft(
    owner: type[attrs.AttrsInstance], fields: Fields, values: Mapping[str, object], table: Iterable[str]
) -> attrs.AttrsInstance:
    """Return an instance as if half made, for validators that look at other fields as well."""
    draft = object.__new__(owner)
    for key, field in fields.items():
        if key in values:
            object.__setattr__(draft, field.name, values[key])
        elif key not in table and not isinstance(field.default, _NO_VALUES):
            object.__setattr__(draft, field.name, field.default)
    return draft


def _refusal(draft: attrs.AttrsInstance, field: attrs.Attribute[object], value: object) -> str:
    """Return what a field has against a value that is of its type, or nothing."""
    convert = converter_of(field)
    try:
        if convert is not None:
            whole = isinstance(cast("object", convert), attrs.Converter)
            value = convert(value, draft, field) if whole else convert(value)
            object.__setattr__(draft, field.name, value)
        if field.validator is not None:
            field.validator(draft, field, value)
    except AttributeError:
        # It looks at another field, which is wrong itself, or which only a real instance has.
        return ""
    except _REFUSALS as error:
        return _retold(error, field.name)
    return ""


def converter_of(field: attrs.Attribute[object]) -> Callable[..., object] | None:
    """Return what a field does with whatever it is given, before it is held against anything."""
    # attrs leaves open what it converts.
    return cast("Callable[..., object] | None", field.converter)  # pyright: ignore[reportUnknownMemberType]


def _retold(error: Exception, name: str = "") -> str:
    """Return what a refusal says, in our words where it is one of attrs' about the field ``name``."""
    if isinstance(error, LabtroupeError):
        return sentence(error)
    text = str(error.args[0] if error.args else error).removeprefix(f"'{name}' ")
    if limit := _ATTRS_LIMIT.fullmatch(text):
        return f"must be {_ATTRS_OPERATORS[limit[1]]} {limit[2]}, not {limit[3]}"
    return text
