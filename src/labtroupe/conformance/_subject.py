"""Who is on trial: a driver, what stands in for its device, and what it is asked."""

from __future__ import annotations

import enum
import inspect
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Final, cast

import attrs
import trio

from labtroupe.conformance._given import check_class, check_devices, check_messages
from labtroupe.control import make_message
from labtroupe.errors import ArgumentError, ConfigError, UnknownCommandError, sentence
from labtroupe.instrument import Instrument
from labtroupe.messages import Command, Message, Parameter, WhenIdle, commands_of
from labtroupe.simulation import SimulatedDevice, make_device
from labtroupe.transport import Address, SimAddress

# For a parameter without a default, if its limits allow it.
_PLAIN_VALUES: Final[Mapping[object, float]] = {float: 1.0, int: 1, bool: True}


@attrs.frozen(kw_only=True)
class Subject:
    """A driver on trial.

    Attributes:
        name: What it is called.
        instrument_type: Its class.
        settings: The fields that the class is given besides the link.
        device: What stands in for its device, in words.
        make_device: Makes one, switched on.
        probe: What is asked again and again: it does no harm, and the device answers.
        commands: All that is tried once.
        untried: The names of the commands for which no values could be made up.
    """

    name: str
    instrument_type: type[Instrument]
    settings: Mapping[str, object]
    device: str
    make_device: Callable[[], SimulatedDevice]
    probe: Message[object]
    commands: Sequence[Message[object]]
    untried: Sequence[str] = ()

    def also(self, commands: Sequence[Message[object]]) -> Subject:
        """Return the same with other messages in place of those that were made up for the same commands."""
        given = {each.command.name for each in commands}
        return attrs.evolve(
            self,
            commands=[*(each for each in self.commands if each.command.name not in given), *commands],
            untried=[name for name in self.untried if name not in given],
        )

    def place(self, frames: Iterable[tuple[FrameType, int]]) -> str:
        """Return the innermost of some frames that is in the file of its class; empty if none is."""
        file = inspect.getfile(self.instrument_type)
        own = [(frame, line) for frame, line in frames if frame.f_code.co_filename == file]
        return f"{Path(file).name}:{own[-1][1]} in {own[-1][0].f_code.co_name}" if own else ""


def make_subject(
    instrument_type: type[Instrument],
    *,
    settings: Mapping[str, object] | None = None,
    device: str | Callable[[], SimulatedDevice] = "",
    probe: Message[object] | None = None,
    commands: Sequence[Message[object]] | None = None,
) -> Subject:
    """Return who is to be tried.

    Args:
        instrument_type: The driver's class.
        settings: The fields that the class is given besides the link.
        device: What stands in for its device: ``package.module:Class``, a ``sim:`` address, or what makes
            one; the class's own ``simulation`` where not given.
        probe: What is asked again and again; what the class declares with `labtroupe.when_idle` where not
            given, or else its first idempotent command that requires no argument.
        commands: All that is tried once; where not given, each command for which values can be made up.

    Raises:
        ConfigError: The class cannot be used, or there is no such device, or nothing that can be asked.
    """
    settings = dict(settings or {})
    _try_settings(instrument_type, settings)
    text, make = _device(instrument_type, device, settings)
    check_devices(text, make)
    made_up = tuple(_made_up(instrument_type))
    subject = Subject(
        name=instrument_type.__qualname__,
        instrument_type=instrument_type,
        settings=settings,
        device=text,
        make_device=make,
        probe=probe or _default_probe(instrument_type),
        commands=made_up if commands is None else commands,
        untried=() if commands is not None else _left_out(instrument_type, made_up),
    )
    check_messages(instrument_type, [subject.probe, *subject.commands])
    return subject


def parse_message(instrument_type: type[Instrument], text: str) -> Message[object]:
    """Return what a text such as ``"keep 40"`` asks for.

    Raises:
        UnknownCommandError: The class has no such command.
        ArgumentError: It takes other values.
    """
    try:
        name, *values = shlex.split(text) or [""]
    except ValueError as error:
        raise ArgumentError(f"{text!r} cannot be read: {error}") from None
    found = commands_of(instrument_type)
    if name not in found:
        raise UnknownCommandError(
            f"{instrument_type.__name__} has no command {name!r}", remedy=f"There are: {', '.join(found)}."
        )
    return make_message(found[name], values, {})


def _try_settings(instrument_type: type[Instrument], settings: Mapping[str, object]) -> None:
    """Raise `ConfigError` if the class cannot be made with these settings."""
    check_class(instrument_type)
    try:
        instrument_type(link=instrument_type.link_to("trial", trio.sleep_forever), **settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{instrument_type.__name__} cannot be made: {error}",
            remedy='Give its settings: settings={"name": value}, or NAME=VALUE on the command line.',
        ) from error
    except Exception as error:
        raise ConfigError(
            f"{instrument_type.__name__} cannot be made: {sentence(error, instrument_type)}",
            remedy="Write no `__init__`, and declare as fields what it has.",
        ) from error


def _device(
    instrument_type: type[Instrument],
    device: str | Callable[[], SimulatedDevice] | SimulatedDevice,
    settings: Mapping[str, object],
) -> tuple[str, Callable[[], SimulatedDevice]]:
    """Return what stands in for a driver's device, in words and as what makes it."""
    if isinstance(device, SimulatedDevice):
        raise ConfigError(
            f"{type(device).__name__} is given as one device, and each trial needs a new one",
            remedy="Give the class, or a function that makes one.",
        )
    if callable(device):
        return getattr(device, "__qualname__", repr(device)), device
    text = device or instrument_type.simulation
    if not text:
        raise ConfigError(
            f"{instrument_type.__name__} does not say what stands in for its device",
            remedy='Declare it in the class: simulation = "sim:package.module:Class"; or give --device.',
        )
    text = text.replace("{units}", str(settings.get("unit", 1)))
    address = Address.parse(text if text.startswith("sim:") else f"sim:{text}")
    if not isinstance(address, SimAddress):
        raise ConfigError(f"{text} is no simulated device", remedy="Write it `package.module:Class`.")
    options = {key: value for key, value in address.options.items() if key != "via"}
    place = address.name
    return place, lambda: make_device(place, **options)


def _default_probe(instrument_type: type[Instrument]) -> Message[object]:
    """Return what an instrument can be asked at any time."""
    known = commands_of(instrument_type).values()
    idle = (each for each in known if isinstance(each.schedule, WhenIdle))
    plain = (each for each in known if each.idempotent and not any(p.required for p in each.parameters))
    found = next(chain(idle, plain), None)
    if found is None:
        raise ConfigError(
            f"{instrument_type.__name__} has no command that can be asked at any time",
            remedy=(
                "Declare one that only looks with @reading, or @command(idempotent=True); or give --probe."
            ),
        )
    return cast("Message[object]", found.plain)


def _made_up(instrument_type: type[Instrument]) -> Iterator[Message[object]]:
    """Yield a message for each command for which values can be made up."""
    for command in commands_of(instrument_type).values():
        message = _message(command)
        if message is not None:
            yield message


def _left_out(instrument_type: type[Instrument], messages: Sequence[Message[object]]) -> Sequence[str]:
    """Return the names of the commands of which there is no message."""
    given = {each.command.name for each in messages}
    return [name for name in commands_of(instrument_type) if name not in given]


def _message(command: Command[..., object]) -> Message[object] | None:
    values = {each.name: _value(each) for each in command.parameters if each.required}
    if None in values.values():
        return None
    try:
        return command(**values)
    except ArgumentError:
        return None


def _value(parameter: Parameter) -> object:
    """Return a value within the limits of a parameter; ``None`` if none can be made up."""
    annotation = parameter.annotation
    if isinstance(annotation, enum.EnumMeta):
        return next(iter(annotation.__members__.values()), None)
    value = _PLAIN_VALUES.get(annotation)
    if value is None or parameter.range is None:
        return value
    return min(max(value, parameter.range.minimum), parameter.range.maximum)
