"""Whether what a class of instruments declares can be: a mistake is found where the class is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

from labtroupe.errors import ConfigError
from labtroupe.instrument._resync import Strategy
from labtroupe.messages import commands_of


def check_declared(cls: type[object]) -> None:
    r"""Hold the attributes that say how a device talks against what they can be.

    Raises:
        TypeError: One of them is something else, such as the framing ``b"\n"``.
    """
    for name, (is_right, wanted) in _DECLARED.items():
        value = getattr(cls, name)
        if not is_right(value):
            raise TypeError(f"{cls.__qualname__}.{name} is {value!r}; it has to be {wanted}")


def check_complete(cls: type[object]) -> None:
    """Check what can be known only when the module of a class has been read to its end.

    Raises:
        ConfigError: It cannot be used as an instrument.
    """
    for command in commands_of(cls).values():
        try:
            parameters, _ = command.parameters, command.returns
        except Exception as error:
            # An annotation is code, and may raise anything.
            raise ConfigError(f"the types of {command!r} cannot be evaluated ({error})") from error
        for each in parameters:
            if each.annotation is inspect.Parameter.empty:
                raise ConfigError(
                    f"{each.name} of {command!r} has no type; write one, such as {each.name}: float"
                )
    taken = inspect.signature(cls).parameters.values()
    if not any(each.name == "link" or each.kind is each.VAR_KEYWORD for each in taken):
        raise ConfigError(
            f"{cls.__qualname__} does not take its link; decorate it with @attrs.define(eq=False), and "
            "declare as fields what else it has"
        )


def _is_framing(value: object) -> bool:
    return not isinstance(value, type) and all(callable(getattr(value, each, None)) for each in _OF_FRAMINGS)


_OF_FRAMINGS: Final = ("encode", "decoder")


def _are_strategies(value: object) -> bool:
    return isinstance(value, Sequence) and all(
        isinstance(each, Strategy) for each in cast("Sequence[object]", value)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _takes_a_frame(value: object) -> bool:
    """Return whether it can be called with a frame alone, as a method without ``@staticmethod`` cannot."""
    if value is None or not callable(value):
        return value is None
    try:
        inspect.signature(value).bind(b"")
    except (TypeError, ValueError):
        return False
    return True


_SECONDS: Final = (_is_number, "a number of seconds")
_LOOK_AT_FRAMES: Final = (_takes_a_frame, "a function that takes a frame and nothing else")
_DECLARED: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = MappingProxyType(
    {
        "framing": (_is_framing, r'a framing, such as Lines(b"\r\n")'),
        "resync": (_are_strategies, "a tuple of ways to get in step, such as (Quiet(1.0),)"),
        "spacing": _SECONDS,
        "silence": _SECONDS,
        "greeting_timeout": _SECONDS,
        "busy": _LOOK_AT_FRAMES,
        "unsolicited": _LOOK_AT_FRAMES,
        "simulation": (_is_text, 'a text, such as "sim:package.module:Class"'),
    }
)
