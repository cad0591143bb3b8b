"""From what an operator typed, or a program sent, to the arguments of a command."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from labtroupe.errors import ArgumentError
from labtroupe.messages import Command, Message, Parameter

# What people type for a bool, besides what msgspec takes anyway: true, false, 1, 0.
_SWITCHES: Final[Mapping[str, bool]] = {"on": True, "yes": True, "off": False, "no": False}
_IN_WORDS: Final[Mapping[object, str]] = {
    float: "a number",
    int: "a whole number",
    bool: "on or off",
    str: "a text",
}


def make_message(
    command: Command[..., Any], args: Sequence[object], kwargs: Mapping[str, object]
) -> Message[Any]:
    """Make the message, with each value converted to the type its parameter declares.

    Args:
        command: What is asked.
        args: Values by position, as texts or as JSON values.
        kwargs: Values by name, likewise.

    Raises:
        ArgumentError: Too many, too few, unknown, of the wrong type, or out of range.
    """
    parameters = command.parameters
    by_name = {parameter.name: parameter for parameter in parameters}
    if len(args) > len(parameters):
        raise ArgumentError(f"{command.name} takes {usage(command)}, and {len(args)} values were given")
    unknown = [name for name in kwargs if name not in by_name]
    if unknown:
        raise ArgumentError(f"{command.name} has no argument {unknown[0]!r}; it takes {usage(command)}")
    values = {p.name: _convert(command, p, value) for p, value in zip(parameters, args, strict=False)}
    for name, value in kwargs.items():
        if name in values:
            raise ArgumentError(f"{command.name}: {name} was given twice")
        values[name] = _convert(command, by_name[name], value)
    missing = [p.name for p in parameters if p.required and p.name not in values]
    if missing:
        raise ArgumentError(f"{command.name} takes {usage(command)}; {missing[0]} is missing")
    return command(**values)


def usage(command: Command[..., Any]) -> str:
    """Return the arguments of a command in words, such as ``LIMIT [RATE]``."""
    return " ".join(p.name if p.required else f"[{p.name}]" for p in command.parameters) or "no arguments"


def _convert(command: Command[..., Any], parameter: Parameter, value: object) -> object:
    if parameter.annotation is bool and isinstance(value, str) and value.lower() in _SWITCHES:
        return _SWITCHES[value.lower()]
    try:
        return msgspec.convert(
            _decoded(parameter, value), cast("type[object]", parameter.annotation), strict=False
        )
    except (msgspec.ValidationError, TypeError):
        wanted = _in_words(parameter)
        raise ArgumentError(f"{command.name}: {parameter.name} must be {wanted}, not {value!r}") from None


def _decoded(parameter: Parameter, value: object) -> object:
    """Take a text that is a JSON list or table for what it is, where no text is wanted."""
    if parameter.annotation is not str and isinstance(value, str) and value[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _in_words(parameter: Parameter) -> str:
    if isinstance(parameter.annotation, enum.EnumType):
        members = cast("type[enum.Enum]", parameter.annotation)
        return f"one of {', '.join(str(member.value) for member in members)}"
    text = _IN_WORDS.get(parameter.annotation, str(parameter.annotation))
    return text if parameter.range is None else f"{text} {parameter.range} {parameter.unit or ''}".strip()
