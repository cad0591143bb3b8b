"""What a caller gives to be tried, held against what it can be: tests are not always type-checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import cast

from labtroupe.errors import ConfigError
from labtroupe.instrument import Instrument, check_complete
from labtroupe.messages import Message, commands_of
from labtroupe.simulation import SimulatedDevice


def check_class(instrument_type: object) -> None:
    """Raise `ConfigError` unless this is a class of instruments that can be used."""
    if not (isinstance(instrument_type, type) and issubclass(instrument_type, Instrument)):
        raise ConfigError(
            f"{instrument_type!r} is no class of instruments", remedy="Give the driver's class."
        )
    if inspect.isabstract(instrument_type):
        raise ConfigError(
            f"{instrument_type.__name__} is abstract: a base for drivers", remedy="Give a class of its own."
        )
    check_complete(instrument_type)


def check_devices(text: str, make: Callable[[], object]) -> None:
    """Raise `ConfigError` unless a simulated device is made, and another one each time."""
    first, second = make(), make()
    if not isinstance(first, SimulatedDevice):
        raise ConfigError(f"{text} makes {first!r}", remedy="Give what makes a simulated device.")
    if first is second:
        raise ConfigError(
            f"{text} makes the same device again", remedy="Have it make a new one for each trial."
        )


def check_messages(instrument_type: type[Instrument], messages: Iterable[object]) -> None:
    """Raise `ConfigError` unless all are messages to instruments of this class."""
    bases = [each for each in instrument_type.__mro__ if issubclass(each, Instrument)]
    known = {id(command) for base in bases for command in commands_of(base).values()}
    for each in messages:
        command = cast("Message[object]", each).command if isinstance(each, Message) else None
        if id(command) not in known:
            raise ConfigError(
                f"{each!r} is no message to {instrument_type.__name__}",
                remedy=f"Call a command on the class, such as {_example(instrument_type)}.",
            )


def _example(instrument_type: type[Instrument]) -> str:
    name = next(iter(commands_of(instrument_type)), "command")
    return f"{instrument_type.__name__}.{name}(...)"
