"""SCPI as simple instruments speak it: headers, error queue and the common commands.

Sources: SCPI-1999 volume 1 (headers 6.2, errors 21.8) and IEEE 488.2.  Left
out: quoted strings, units after numbers, status registers but the standard one.
"""

from __future__ import annotations

import abc
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

import attrs

from labtroupe.simulation._device import LineDevice

Handler = Callable[[Sequence[str]], str | None]
"""Does a command with its parameters, and returns the answer of a query."""

_ERRORS: Mapping[int, str] = {
    0: "No error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -350: "Queue overflow",
}
# The standard event register's bit for each hundred of error numbers (IEEE 488.2, 11.5.1).
_EVENT_BITS: Mapping[int, int] = {1: 0x20, 2: 0x10, 3: 0x08, 4: 0x04}
_OPERATION_COMPLETE = 0x01
_POWER_ON = 0x80
# The serial number of one that is disguised.
_ANOTHER = "ANOTHER"
# Entries, the last of which is kept for "Queue overflow".
_QUEUE_LENGTH = 10


class ScpiError(Exception):
    """What a device says no with; it ends up in its error queue, never at a caller."""

    def __init__(self, number: int) -> None:
        super().__init__(f'{number},"{_ERRORS[number]}"')
        self.number = number


@attrs.frozen
class ErrorQueue:
    """The errors nobody has asked for yet, oldest first."""

    _entries: deque[str] = attrs.field(factory=deque[str], init=False)

    def put(self, error: ScpiError) -> None:
        """Remember ``error``; where there is no room, the newest becomes "Queue overflow"."""
        if len(self._entries) < _QUEUE_LENGTH:
            self._entries.append(str(error))
        else:
            self._entries[-1] = str(ScpiError(-350))

    def take(self) -> str:
        """Return the oldest and forget it."""
        return self._entries.popleft() if self._entries else str(ScpiError(0))

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()


@attrs.frozen
class CommandTree:
    """Finds what to do for a header, in long or short form, upper or lower case."""

    _commands: Sequence[tuple[re.Pattern[str], Handler]]

    @classmethod
    def of(cls, commands: Mapping[str, Handler]) -> CommandTree:
        """Return the tree of ``commands``, keyed as manuals write them: ``MEASure:VOLTage[:DC]?``."""
        return cls([(_pattern(header), handler) for header, handler in commands.items()])

    def find(self, header: str) -> Handler:
        """Return the handler of ``header``.

        Raises:
            ScpiError: There is none.
        """
        for pattern, handler in self._commands:
            if pattern.fullmatch(header):
                return handler
        raise ScpiError(-113)


def _pattern(header: str) -> re.Pattern[str]:
    """Return what matches a header whose lower-case letters and brackets may be left out."""
    optional_nodes = header.replace("?", r"\?").replace("*", r"\*").replace("[", "(?:").replace("]", ")?")
    short_or_long = re.sub("([A-Z]+)([a-z]+)", r"\1(?:\2)?", optional_nodes)
    return re.compile(f":?{short_or_long}", re.IGNORECASE | re.ASCII)


def program_units(message: str) -> Iterator[tuple[str, list[str]]]:
    """Yield header and parameters of each command in ``message``.

    A header after ``;`` goes on in the branch of the one before it, unless it
    begins with a colon (SCPI-1999 6.2.4); common commands do not change the branch.
    """
    branch = ""
    for unit in filter(None, map(str.strip, message.split(";"))):
        header, *rest = unit.split(None, 1)
        if not header.startswith("*"):
            header = header if header.startswith(":") else branch + header
            branch = header[: header.rfind(":") + 1]
        yield header, [parameter.strip() for parameter in "".join(rest).split(",")] if rest else []


def plain(act: Callable[[], str | None]) -> Handler:
    """Return the handler of a command or query without parameters."""

    def handle(parameters: Sequence[str]) -> str | None:
        if parameters:
            raise ScpiError(-108)
        return act()

    return handle


def parse_number(parameters: Sequence[str], lowest: float, highest: float) -> float:
    """Return the one number given, ``MIN`` and ``MAX`` being the limits."""
    text = _only(parameters).upper()
    words = {"MIN": lowest, "MINIMUM": lowest, "MAX": highest, "MAXIMUM": highest}
    try:
        value = words[text] if text in words else float(text)
    except ValueError:
        raise ScpiError(-104) from None
    if not lowest <= value <= highest:
        raise ScpiError(-222)
    return value


def parse_boolean(parameters: Sequence[str]) -> bool:
    """Return the one switch given."""
    switches = {"ON": True, "1": True, "OFF": False, "0": False}
    text = _only(parameters).upper()
    if text not in switches:
        raise ScpiError(-224)
    return switches[text]


def _only(parameters: Sequence[str]) -> str:
    """Return the only parameter."""
    if len(parameters) > 1:
        raise ScpiError(-108)
    if not parameters or not parameters[0]:
        raise ScpiError(-109)
    return parameters[0]


@attrs.define(eq=False)
class ScpiDevice(LineDevice):
    """A device with the common commands; a subclass adds its own in :meth:`commands`.

    Attributes:
        serial: Its serial number, the third field of ``*IDN?``.
    """

    model: ClassVar[str]
    has_identity: ClassVar[bool] = True

    serial: str = attrs.field(default="SIM0001", converter=str, kw_only=True)
    _tree: CommandTree = attrs.field(init=False)
    _errors: ErrorQueue = attrs.field(factory=ErrorQueue, init=False)
    _events: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Learn the commands, and switch it on."""
        self._tree = CommandTree.of({**self._common_commands(), **self.commands()})
        self.power_on()

    def power_on(self) -> None:
        """Start from the reset state, with no error and the power-on event."""
        self._errors.clear()
        self._events = _POWER_ON
        self.reset()

    @abc.abstractmethod
    def commands(self) -> Mapping[str, Handler]:
        """Return what it can do besides the common commands, by header."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Go to the state that ``*RST`` promises."""

    def answer(self, request: bytes) -> bytes | None:
        """Do all commands of one message; the rest of it is dropped where one cannot be understood."""
        answers: list[str] = []
        for header, parameters in program_units(request.decode("ascii", "replace")):
            try:
                answer = self._tree.find(header)(parameters)
            except ScpiError as error:
                self._errors.put(error)
                kind = -error.number // 100
                self._events |= _EVENT_BITS[kind]
                if kind == 1:
                    break
            else:
                answers += [] if answer is None else [answer]
        return ";".join(answers).encode() if answers else None

    def _common_commands(self) -> Mapping[str, Handler]:
        return {
            "*IDN?": plain(self._identify),
            "*RST": plain(self.reset),
            "*CLS": plain(self._clear_status),
            "*OPC": plain(self._note_complete),
            "*OPC?": plain(lambda: "1"),
            "*ESR?": plain(self._take_events),
            "SYSTem:ERRor[:NEXT]?": plain(self._errors.take),
        }

    def _identify(self) -> str:
        serial = _ANOTHER if self.disguised else self.serial
        return f"labtroupe,{self.model},{serial},1.0"

    def _clear_status(self) -> None:
        self._errors.clear()
        self._events = 0

    def _note_complete(self) -> None:
        self._events |= _OPERATION_COMPLETE

    def _take_events(self) -> str:
        events, self._events = self._events, 0
        return str(events)
