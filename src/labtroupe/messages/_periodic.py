"""Commands that are carried out without anybody asking for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from labtroupe.messages._command import Command, CommandMethod
from labtroupe.messages._parameters import refuse_required
from labtroupe.messages._schedule import Missed, Schedule, WhenIdle

M = TypeVar("M", bound=CommandMethod[..., Any])


def every(seconds: float, *, missed: Missed = Missed.SKIP) -> Callable[[M], M]:
    """Have a command carried out again and again while its actor runs.

    It stands above `command` or `reading`::

        @every(1.0)
        @reading
        async def temperature(self) -> float: ...

    Each tick goes through the actor's own mailbox, so it is a request like any
    other: one at a time, with the command's timeout, an event if it is refused,
    and a crash if it raises what is no answer.

    Args:
        seconds: From one tick to the next; the first comes as soon as the actor runs.
        missed: What becomes of a tick that comes while the one before it is still to be done.

    Raises:
        TypeError: It stands below, or the command requires an argument.
        ValueError: The period is not above zero, or has no end.
    """
    return _scheduled(Schedule(seconds, missed), "every")


def when_idle(seconds: float) -> Callable[[M], M]:
    """Have a command carried out whenever the device has not been heard for a while: a sign of life.

    It stands above `command` or `reading`, as `every` does, and should be cheap and harmless::

        @when_idle(10.0)
        @reading
        async def temperature(self) -> float: ...

    A device that is used anyway is not asked.  What the command raises is treated as if somebody had asked.

    Args:
        seconds: Since something was last done that reached the device, or since the actor has been up.

    Raises:
        TypeError: It stands below, or the command requires an argument.
        ValueError: The time is not above zero, or has no end.
    """
    return _scheduled(WhenIdle(seconds), "when_idle")


def _scheduled(schedule: Schedule | WhenIdle, name: str) -> Callable[[M], M]:
    def decorate(method: M) -> M:
        command: object = getattr(method, "command", None)
        if not isinstance(command, Command):
            raise TypeError(f"@{name} stands above @command or @reading, and {method!r} is no command yet")
        refuse_required(method.command.function, "periodic work")
        method.command.schedule = schedule
        return method

    return decorate
