"""The last answers of an actor's readings, kept over its lives, for all who look at them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Generic, Self, TypeVar

import attrs
import trio
from trio_util import AsyncValue

from labtroupe.errors import UnknownCommandError
from labtroupe.messages import (
    Message,
    Quality,
    Reading,
    ReadingCommand,
    accepted_commands,
    commands_of,
    once_per_class,
)

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@attrs.frozen(eq=False)
class Answer(Generic[R_co]):
    """One answer of a reading, and another one than the next, however equal their values are.

    Attributes:
        value: What was answered.
        time: When, in seconds since 1970.
        at: When, on trio's clock.
    """

    value: R_co
    time: float
    at: float


Slot = AsyncValue[Answer[R] | None]
"""Where the last answer of one reading is kept; ``None`` before the first."""


@once_per_class
def readings_of(actor_type: type[Any]) -> Mapping[str, ReadingCommand[..., Any]]:
    """Return the readings of an actor class by name, those of its bases included."""
    commands = commands_of(actor_type).items()
    return MappingProxyType({name: each for name, each in commands if isinstance(each, ReadingCommand)})


@attrs.define(eq=False)
class Readings:
    """The readings of one actor, each with a slot for its last answer.

    A slot is made when there is something to keep, or somebody to wait for it.
    To fill it wakes those who wait and runs nothing of theirs, so that an actor
    neither waits for them nor fails with them.
    """

    _actor_type: type[Any]
    _known: Mapping[str, ReadingCommand[..., Any]] = attrs.field(init=False)
    _slots: dict[str, Slot[Any]] = attrs.field(factory=dict[str, Slot[Any]], init=False)

    def __attrs_post_init__(self) -> None:
        """Look up once what the actor's class declares."""
        self._known = readings_of(self._actor_type)

    def note_done(self, message: Message[object], value: object) -> None:
        """Keep the answer to a message, if that has asked for a reading."""
        command = self._known.get(message.command.name)
        if command is None:
            return
        plain = command.plain
        # The voltage of channel 2 is no reading of that of channel 1.
        if (message.args, message.kwargs) == (plain.args, plain.kwargs):
            self._slot(command).value = Answer(value, time.time(), trio.current_time())

    def look(self, command: ReadingCommand[..., R], *, running: bool) -> Reading[R]:
        """Return what is known of a reading now.

        Args:
            command: The reading, of the actor's class or of a base of it.
            running: Whether the actor runs.

        Raises:
            UnknownCommandError: It is no reading of the actor's class.
        """
        carried_out = self._carried_out(command)
        slot = self._slots.get(carried_out.name)
        if slot is None or slot.value is None:
            return Reading()
        age = trio.current_time() - slot.value.at
        quality = Quality.GOOD if age <= carried_out.fresh_for else Quality.STALE
        return Reading(slot.value.value, slot.value.time, age, quality if running else Quality.LOST)

    def values(self, command: ReadingCommand[..., R], *, running: bool) -> Values[R]:
        """Return the values of a reading, from the present one on if that is good; raises as `look` does."""
        good = self.look(command, running=running).quality is Quality.GOOD
        slot = self._slot(command)
        return Values(slot, None if good else slot.value)

    def _carried_out(self, command: ReadingCommand[..., R]) -> ReadingCommand[..., R]:
        """Return the reading that is taken when the actor is asked for this one, which may be of a base."""
        found = self._known.get(getattr(command, "name", ""))
        if found is not None and command in accepted_commands(self._actor_type):
            return found
        known = ", ".join(sorted(self._known)) or "none"
        raise UnknownCommandError(
            f"{command!r} is no reading of {self._actor_type.__name__}; its readings: {known}"
        )

    def _slot(self, command: ReadingCommand[..., R]) -> Slot[R]:
        slot: Slot[R] | None = self._slots.get(command.name)
        if slot is None:
            slot = self._slots[command.name] = AsyncValue(None)
        return slot


@attrs.define(eq=False)
class Values(Generic[R]):
    """The values of a reading as they come, for one listener: ``async for value in values``.

    A listener that is slower than they are gets the latest, and skips those in between.
    """

    _slot: Slot[R]
    _seen: Answer[R] | None

    def __aiter__(self) -> Self:
        """Iterate over the values, for ever."""
        return self

    async def __anext__(self) -> R:
        """Wait for a value that this listener has not had yet."""
        if self._slot.value is not self._seen:
            await trio.lowlevel.checkpoint()
        else:
            # The same condition for all, so that they share one line in which to wait.
            await self._slot.wait_transition()  # pyright: ignore[reportUnknownMemberType] - trio_util has no types
        answer = self._seen = self._slot.value
        assert answer is not None  # noqa: S101 - an answer is followed by another one only
        return answer.value
