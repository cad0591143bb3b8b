"""Whether what a class of instruments declares can be: a mistake is found where the class is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

from labtroupe.instrument._resync import Strategy


def check_declared(cls: type[object]) -> None:
    r"""Hold the attributes that say how a device talks against what they can be.

    Raises:
        TypeError: One of them is something else, such as the framing ``b"\n"``.
    """
    for name, (is_right, wanted) in _DECLARED.items():
        value = getattr(cls, name)
        if not is_right(value):
            raise TypeError(f"{cls.__qualname__}.{name} is {value!r}; it has to be {wanted}")


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
