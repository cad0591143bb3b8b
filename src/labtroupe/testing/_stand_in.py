"""The class of what is in an actor's place: made from the class that it stands for."""

from __future__ import annotations

import functools
import types
from collections.abc import Awaitable, Callable, Coroutine
from copy import copy
from typing import Any, Protocol, TypeVar

from labtroupe.actor import Actor, background, background_of
from labtroupe.messages import Command, CommandMethod, Message, ReadingCommand, commands_of

A = TypeVar("A", bound=Actor)


class Player(Protocol):
    """What plays the part of an actor, over all its lives."""

    async def start(self) -> None:
        """Begin a life."""

    async def carry_out(self, message: Message[Any]) -> object:
        """Answer a message."""

    async def make_safe(self) -> None:
        """Get into the safe state."""

    async def break_down(self) -> None:
        """Raise what the present life is to end with, once it is to."""


def make_stand_in(stands_for: type[A], player: Player, *, periodic: bool) -> type[A]:
    """Return a subclass whose lives are played by ``player``.

    It has the commands of the class, with all that they declare.  To the ref, the mailbox and the
    supervisor it is what it stands for.

    Args:
        stands_for: The class.
        player: Who plays.
        periodic: Whether the commands with a schedule are asked for when that says so.
    """
    commands = commands_of(stands_for).values()
    namespace: dict[str, object] = {
        "__module__": stands_for.__module__,
        "__qualname__": stands_for.__qualname__,
        "__doc__": stands_for.__doc__,
        "__init__": _begin,
        "__repr__": _repr,
        # A rule says which messages count as sent.
        "marks_its_acts": True,
        "suspicion": None,
        "heritable": False,
        "on_start": _hook(player.start),
        "on_stop": _hook(_nothing),
        **dict.fromkeys(background_of(stands_for)),
        "_break_down": background(_hook(player.break_down)),
        **{each.name: CommandMethod(_played(each, player, periodic=periodic)) for each in commands},
    }
    if stands_for.declares_safe_state():
        namespace["safe_state"] = _hook(player.make_safe)
    made = types.new_class(stands_for.__name__, (stands_for,), exec_body=lambda body: body.update(namespace))
    # A base such as that of all buses can be stood in for, too.
    made.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]  # of each class, once it is made
    return made


def _played(command: Command[..., Any], player: Player, *, periodic: bool) -> Command[..., Any]:
    """Return a command like another one, which ``player`` carries out."""

    # What is wrapped keeps its name and its signature.
    @functools.wraps(command.function)
    async def carry_out(_: object, /, *args: object, **kwargs: object) -> object:
        return await player.carry_out(Message(command, args, tuple(sorted(kwargs.items()))))

    played = copy(command)
    played.function, played.schedule = carry_out, command.schedule if periodic else None
    if isinstance(played, ReadingCommand) and isinstance(command, ReadingCommand):
        # It follows from the schedule where nobody says otherwise.
        played._fresh_for = command.fresh_for  # noqa: SLF001 - a copy of the same class
    return played


def _hook(play: Callable[[], Awaitable[None]]) -> Callable[[object], Coroutine[Any, Any, None]]:
    async def hook(_: object) -> None:
        await play()

    return hook


def _begin(stand_in: object, *, link: object = None, **_: object) -> None:
    """Keep the link, at which a bench looks, and none of the settings, which only a real one needs."""
    if link is not None:
        object.__setattr__(stand_in, "link", link)


def _repr(stand_in: object) -> str:
    return f"<double of a {type(stand_in).__name__}>"


async def _nothing() -> None:
    """Do nothing."""
