"""What runs beside the commands, for one life each: background tasks, and the ticks of schedules."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from labtroupe.actor._periodic import ticker
from labtroupe.errors import bare
from labtroupe.messages import commands_of, once_per_class

if TYPE_CHECKING:
    from labtroupe.actor._cell import Cell

F = TypeVar("F", bound=Callable[[Any], Coroutine[Any, Any, None]])

# On the function itself, as `abc.abstractmethod` does it, so that it stays a plain method.
_MARK: Final = "_labtroupe_background"


def background(method: F) -> F:
    """Have an async method of an actor run beside its commands, once in each life.

    It begins when `Actor.on_start` has returned, and is cancelled before
    `Actor.on_stop` is called.  To raise crashes the life, to return is fine.  A
    class may have several; one that a subclass overrides is replaced, by
    nothing if the other is not marked as well.

    Raises:
        TypeError: The method is not async.
    """
    if not inspect.iscoroutinefunction(method):
        raise TypeError(f"a background task is an async method, and {method.__qualname__} is not")
    vars(method)[_MARK] = True
    return method


@once_per_class
def background_of(actor_type: type[Any]) -> Mapping[str, Callable[[Any], Awaitable[None]]]:
    """Return the background tasks of an actor class by name, those of its bases included."""
    found: dict[str, Callable[[Any], Awaitable[None]]] = {}
    for base in reversed(actor_type.__mro__):
        for name, attribute in vars(base).items():
            if inspect.isfunction(attribute) and _MARK in vars(attribute):
                found[name] = attribute
            else:
                found.pop(name, None)
    return MappingProxyType(found)


def tasks_beside(cell: Cell, actor: object) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    """Return what runs beside the commands of one life: a name for each task, and its work."""
    tasks: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        (name, partial(method, actor)) for name, method in background_of(type(actor)).items()
    ]
    for name, command in commands_of(type(actor)).items():
        if command.schedule is not None:
            tasks.append((name, ticker(cell, command, command.schedule).run))
    return tasks


async def run_beside(cell: Cell, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run one of these tasks; what it raises says where it comes from, and ends the life."""
    try:
        await work()
    except Exception as error:
        # Before the command that this cuts off is: that one does not know why.
        cell.go_down(error=bare(error))
        bare(error).add_note(f"in the background task {name!r}")
        raise
