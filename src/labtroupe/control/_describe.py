"""What an instrument can be asked, from the signatures of its commands."""

from __future__ import annotations

import builtins
import enum
import inspect
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Final

import attrs

from labtroupe.messages import Command, Parameter, commands_of
from labtroupe.records import CommandInfo, InstrumentDescription, InstrumentStatus, ParameterInfo
from labtroupe.supervision import Member

_IN_WORDS: Final[Mapping[object, str]] = {
    bool: "on or off",
    bytes: "bytes",
    float: "number",
    int: "whole number",
    str: "text",
    None: "",
    types.NoneType: "",
}


def describe(member: Member, status: InstrumentStatus) -> InstrumentDescription:
    """Describe one instrument; never waits, whatever the instrument is doing."""
    actor_type = member.cell.actor_type
    return InstrumentDescription(
        name=status.name,
        kind=status.kind,
        address=status.address,
        simulated=status.simulated,
        summary=_first_line(actor_type),
        depends_on=status.depends_on,
        commands=tuple(_command(each) for each in commands_of(actor_type).values()),
        status=status,
    )


def _command(command: Command[..., Any]) -> CommandInfo:
    return CommandInfo(
        name=command.name,
        summary=_first_line(command.function),
        parameters=tuple(_parameter(each) for each in command.parameters),
        returns=_in_words(command.returns.annotation),
        unit=str(command.returns.unit or ""),
        timeout=None if command.timeout == math.inf else command.timeout,
        idempotent=command.idempotent,
    )


def _parameter(parameter: Parameter) -> ParameterInfo:
    return ParameterInfo(
        name=parameter.name,
        type=_in_words(parameter.annotation),
        limits=str(parameter.range or ""),
        unit=str(parameter.unit or ""),
        required=parameter.required,
        default=None if parameter.required else parameter.default,
    )


def _in_words(annotation: object) -> str:
    if annotation in _IN_WORDS:
        return _IN_WORDS[annotation]
    if isinstance(annotation, type):
        return _class_in_words(annotation)
    inner = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case typing.Literal:
            return f"one of {', '.join(str(each) for each in inner)}"
        case builtins.list:
            return f"list of {_in_words(inner[0])}"
        case typing.Union | types.UnionType:
            return " or ".join(_in_words(each) or "nothing" for each in inner)
        case _:
            return str(annotation)


def _class_in_words(annotation: type[object]) -> str:
    if issubclass(annotation, enum.Enum):
        return f"one of {', '.join(str(member.value) for member in annotation)}"
    if attrs.has(annotation):
        return ", ".join(each.name for each in attrs.fields(annotation) if each.init) or annotation.__name__
    return annotation.__name__


def _first_line(documented: object) -> str:
    # Plain text: the marks of docstrings are for the documentation.
    return (inspect.getdoc(documented) or "").partition("\n")[0].replace("`", "")
