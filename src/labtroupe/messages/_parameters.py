"""The parameters of a command: what its signature says, and how arguments are held against it."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Final, cast

import attrs

from labtroupe.errors import ArgumentError
from labtroupe.messages._limits import Range, Unit

_VARIADIC: Final = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


@attrs.frozen
class Parameter:
    """One argument of a command, as its signature declares it.

    Attributes:
        annotation: The declared type, without `Range` and `Unit`.
        default: Its default, `inspect.Parameter.empty` where it must be given.
    """

    name: str
    annotation: object
    range: Range | None
    unit: Unit | None
    default: object = inspect.Parameter.empty

    @classmethod
    def of(cls, name: str, annotation: object, default: object = inspect.Parameter.empty) -> Parameter:
        """Return the parameter that an annotation such as ``Annotated[float, Range(0, 5)]`` declares."""
        return cls(name, *_split(annotation), default=default)

    @property
    def required(self) -> bool:
        """Whether a caller must give it."""
        return self.default is inspect.Parameter.empty

    def check(self, command: str, value: object) -> None:
        """Raise `ArgumentError` unless ``value`` is within the limits, or is the default."""
        if self.range is None or value is self.default:
            return
        if value is None and NoneType in typing.get_args(self.annotation):
            return
        try:
            self.range.check(cast("float", value))
        except (ArgumentError, TypeError):
            unit = f" {self.unit}" if self.unit else ""
            raise ArgumentError(
                f"{command}: {self.name} must be a number {self.range}{unit}, not {value!r}"
            ) from None


Arguments = tuple[tuple[object, ...], tuple[tuple[str, object], ...]]
"""All arguments of a message, defaults included: by position, and by name in the order of the names."""


@attrs.frozen(eq=False)
class Binder:
    """Makes of the arguments of a call those of a message.

    To bind arguments by the book takes longer than all the rest of a request,
    so a call with positional arguments alone, which most are, goes a shorter way.

    Attributes:
        required: How many arguments such a call must have; `sys.maxsize` where it is none.
        defaults: Those of the positional parameters that have one.
        by_name: The defaults of the parameters that go by name.
        limited: The positional parameters that have limits, each with its place.
    """

    command: str
    signature: inspect.Signature
    parameters: Sequence[Parameter]
    required: int
    defaults: tuple[object, ...]
    by_name: tuple[tuple[str, object], ...]
    limited: tuple[tuple[int, Parameter], ...]

    @classmethod
    def of(cls, command: str, signature: inspect.Signature, parameters: Sequence[Parameter]) -> Binder:
        """Look once at what is the same for each call."""
        kinds = [each.kind for each in signature.parameters.values()]
        by_kind = list(zip(parameters, kinds, strict=True))
        named = [each for each, kind in by_kind if kind is kind.KEYWORD_ONLY]
        positional = [each for each, kind in by_kind if kind is not kind.KEYWORD_ONLY]
        by_the_book = not _VARIADIC.isdisjoint(kinds) or any(each.required for each in named)
        return cls(
            command,
            signature,
            parameters,
            required=sys.maxsize if by_the_book else sum(each.required for each in positional),
            defaults=tuple(each.default for each in positional if not each.required),
            by_name=tuple(sorted(((each.name, each.default) for each in named), key=lambda pair: pair[0])),
            limited=tuple((place, each) for place, each in enumerate(positional) if each.range is not None),
        )

    def bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Arguments:
        """Return all arguments, checked.

        Raises:
            ArgumentError: One is missing, unknown, or outside its limits.
        """
        beyond = len(args) - self.required
        if kwargs or not 0 <= beyond <= len(self.defaults):
            return self._bind_by_the_book(args, kwargs)
        for place, parameter in self.limited:
            if place < len(args):
                parameter.check(self.command, args[place])
        return args + self.defaults[beyond:], self.by_name

    def _bind_by_the_book(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Arguments:
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(f"{self.command}: {error}") from None
        bound.apply_defaults()
        for parameter in self.parameters:
            parameter.check(self.command, bound.arguments[parameter.name])
        return bound.args, tuple(sorted(bound.kwargs.items()))


def refuse_required(function: Callable[..., object], what: str) -> None:
    """Raise `TypeError` if a method cannot be called without arguments."""
    # Without `eval_str`: while its class is defined, not all its names are known yet.
    parameters = list(inspect.signature(function).parameters.values())[1:]
    required = (each for each in parameters if each.default is each.empty and each.kind not in _VARIADIC)
    for each in required:
        raise TypeError(f"{what} requires no argument, and {function.__qualname__} requires {each.name!r}")


def _split(annotation: object) -> tuple[object, Range | None, Unit | None]:
    """Take ``Annotated[float, Range(0, 5), Unit("V")]`` apart, with ``| None`` behind it too."""
    if typing.get_origin(annotation) in {typing.Union, UnionType}:
        parts = [_split(part) for part in typing.get_args(annotation)]
        limits = next((limits for _, limits, _ in parts if limits), None)
        unit = next((unit for _, _, unit in parts if unit), None)
        return annotation, limits, unit
    if typing.get_origin(annotation) is not typing.Annotated:
        return annotation, None, None
    bare, *extras = typing.get_args(annotation)
    limits = next((extra for extra in extras if isinstance(extra, Range)), None)
    unit = next((extra for extra in extras if isinstance(extra, Unit)), None)
    return bare, limits, unit
