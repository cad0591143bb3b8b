"""Readings: commands whose last answer is kept, for all who want to look at it."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast, overload

import attrs

from labtroupe.messages._command import DEFAULT_TIMEOUT, Command, CommandMethod
from labtroupe.messages._parameters import refuse_required

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

DEFAULT_FRESH_FOR: Final = 10.0
"""Seconds for which a reading is good that is not taken periodically, and says nothing else."""

_PERIODS_FRESH: Final = 3
"""Periods for which a periodic one is good: one tick may fail and the next be late."""


class Quality(enum.StrEnum):
    """Whether a reading says what is so now."""

    GOOD = "good"
    """It was taken lately."""
    STALE = "stale"
    """It was taken too long ago."""
    LOST = "lost"
    """Its actor does not run, so that nobody takes it."""
    NONE = "none"
    """It has never been taken."""


@attrs.frozen
class Reading(Generic[R_co]):
    """The last answer of a command, as it is seen at one moment.

    Attributes:
        value: The answer; ``None`` before the first.
        time: When it came, in seconds since 1970 (UTC); ``None`` before the first.
        age: Seconds since then; `math.inf` before the first.
        quality: Whether it says what is so now.
    """

    value: R_co | None = None
    time: float | None = None
    age: float = math.inf
    quality: Quality = Quality.NONE


class ReadingCommand(Command[P, R_co]):
    """A command whose last answer is kept, that to the message without arguments.

    Attributes:
        fresh_for: Seconds after which the answer is stale.
    """

    def __init__(
        self,
        function: Callable[..., Coroutine[Any, Any, R_co]],
        *,
        timeout: float,
        fresh_for: float | None,
    ) -> None:
        super().__init__(function, timeout=timeout, idempotent=True)
        refuse_required(function, "a reading")
        if fresh_for is not None and not fresh_for > 0:
            raise ValueError(f"{function.__qualname__} must be fresh for more than 0 s, not {fresh_for!r}")
        self._fresh_for = fresh_for

    @property
    def fresh_for(self) -> float:
        """Seconds after which the answer is stale: as declared, else three periods, else 10 s."""
        if self._fresh_for is not None:
            return self._fresh_for
        return _PERIODS_FRESH * self.schedule.seconds if self.schedule else DEFAULT_FRESH_FOR


@attrs.frozen
class ReadingMethod(CommandMethod[P, R_co]):
    """The descriptor behind ``@reading``: on an instance the method, on the class the command."""

    command: ReadingCommand[P, R_co]

    @overload
    def __get__(self, instance: None, owner: type[object]) -> ReadingCommand[P, R_co]: ...
    @overload
    def __get__(self, instance: object, owner: type[object]) -> Callable[P, Coroutine[Any, Any, R_co]]: ...
    def __get__(
        self, instance: object | None, owner: type[object]
    ) -> ReadingCommand[P, R_co] | Callable[P, Coroutine[Any, Any, R_co]]:
        """Return the bound method, or on the class the command."""
        found = super().__get__(instance, owner)
        return cast("ReadingCommand[P, R_co] | Callable[P, Coroutine[Any, Any, R_co]]", found)


_Method = Callable[Concatenate[A, P], Coroutine[Any, Any, R]]


@overload
def reading(function: _Method[A, P, R], /) -> ReadingMethod[P, R]: ...
@overload
def reading(
    *, timeout: float = ..., fresh_for: float | None = ...
) -> Callable[[_Method[A, P, R]], ReadingMethod[P, R]]: ...
def reading(
    function: _Method[A, P, R] | None = None,
    /,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    fresh_for: float | None = None,
) -> ReadingMethod[P, R] | Callable[[_Method[A, P, R]], ReadingMethod[P, R]]:
    """Make an async method of an actor a reading: an idempotent command whose last answer is kept.

    Args:
        function: The method, where the decorator is used without arguments.
        timeout: Seconds it may take unless the caller says otherwise; `math.inf` for no limit.
        fresh_for: Seconds after which an answer is stale; three times its period
            if it is taken periodically (`every`), else 10 s.

    Raises:
        TypeError: The method is not async, or requires an argument.
        ValueError: The timeout or ``fresh_for`` is not above zero.
    """

    def decorate(method: _Method[A, P, R]) -> ReadingMethod[P, R]:
        return ReadingMethod(ReadingCommand(method, timeout=timeout, fresh_for=fresh_for))

    return decorate if function is None else decorate(function)
