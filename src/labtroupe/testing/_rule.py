"""One line of a double's script: which message it is about, and how that is answered."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, Self, TypeVar, cast

import attrs
import trio

from labtroupe.actor import mark_acted
from labtroupe.messages import Command, Message, fits
from labtroupe.testing._values import same

R = TypeVar("R")

Arguments = tuple[tuple[object, ...], tuple[tuple[str, object], ...]]
"""Those of a message, by position and by name."""


class NotAsScripted(Exception):
    """The script says nothing of what came, or an answer that the command cannot give."""


@attrs.frozen
class _Answer:
    """One answer.

    Attributes:
        delay: Seconds before it.
        sent: Whether the message counts as sent to the device.
        give: Gives it.
    """

    delay: float
    sent: bool
    give: Callable[[Message[Any]], Awaitable[object]]


@attrs.define(eq=False, repr=False)
class Rule(Generic[R]):
    """How a double answers one message, or all that ask for one command.

    Each answer that is added is for the next time the message comes, and the last is for all
    times after that.  Without any, the answer is ``None``, if the command can answer that.

    Attributes:
        command: What it is about.
        arguments: With which arguments; ``None`` for any.
        times: How often it has to come; ``None`` for as often as it likes.
        came: How often it has come.
    """

    command: Command[..., R]
    arguments: Arguments | None = None
    times: int | None = None
    came: int = attrs.field(default=0, init=False)
    _answers: list[_Answer] = attrs.field(factory=list[_Answer], init=False)
    _delay: float = attrs.field(default=0.0, init=False)

    @staticmethod
    def of(what: Message[Any] | Command[..., Any], times: int | None = None) -> Rule[Any]:
        """Return the rule about a message, or about a command with any arguments."""
        if times is not None and times < 0:
            raise ValueError(f"{what!r} cannot come {times} times")
        if isinstance(what, Message):
            return Rule(what.command, (what.args, what.kwargs), times)
        return Rule(what, None, times)

    def reply(self, value: R, *more: R) -> Self:
        """Answer with a value, and the next times with ``more``.

        Raises:
            TypeError: A value is not of the type that the command returns.
        """
        for each in (value, *more):
            if problem := self._problem_with(each):
                raise TypeError(problem)
            self._add(partial(_return, each))
        return self

    def raises(self, error: Exception, *, sent: bool = True) -> Self:
        """Fail with an error: a `CommandError` is for the asker alone, any other ends the life as well.

        Args:
            error: Of which each time a copy is raised.
            sent: Whether the message counts as sent to the device, so that its outcome is ``unknown``.

        Raises:
            TypeError: It is none, such as a class of errors.
        """
        check_error(error)

        async def give(_: Message[Any]) -> object:
            raise afresh(error)

        return self._add(give, sent=sent)

    def crash(self) -> Self:
        """Crash, as a fault in the code of an instrument does: the supervisor begins another life."""
        return self.raises(RuntimeError("crashed, as its script says"))

    def hang(self) -> Self:
        """Never answer: what is asked ends with its deadline."""
        return self._add(_hang)

    def wedge(self, seconds: float) -> Self:
        """Hang, and take no notice for so many seconds of being cancelled, as a driver with a fault does.

        Its asker goes with its deadline all the same.  A life that is to end meanwhile is wedged:
        so it is reported, and the next one does not begin before this one has ended.

        Raises:
            ValueError: It would be for ever, and so would be the test.
        """
        _check_seconds(seconds)
        return self._add(partial(_wedge, seconds))

    def calls(self, function: Callable[..., R | Awaitable[R]]) -> Self:
        """Answer with what a function returns, sync or async, that is called with all the arguments.

        What it asserts in vain fails the test, and not only the asker.

        Raises:
            TypeError: It does not take the arguments of the command.
        """
        _check_takes(self.command, function)

        async def give(message: Message[Any]) -> object:
            found = cast("Callable[..., object]", function)(*message.args, **dict(message.kwargs))
            value = await found if inspect.isawaitable(found) else found
            if problem := self._problem_with(value):
                raise NotAsScripted(problem)
            return value

        return self._add(give)

    def delay(self, seconds: float) -> Self:
        """Wait so many seconds before the next answer that is added.

        Raises:
            ValueError: It is less than none, or for ever: see `hang`.
        """
        _check_seconds(seconds)
        self._delay = seconds
        return self

    # --- what a double asks ---

    @property
    def open(self) -> bool:
        """Whether it may come again."""
        return self.times is None or self.came < self.times

    @property
    def delays_nothing(self) -> bool:
        """Whether a delay is written behind the last answer."""
        return bool(self._delay and self._answers)

    def matches(self, message: Message[Any]) -> bool:
        """Return whether it is about a message, by value."""
        # By name, because one that the command line or a proxy has made is of the stand-in's class.
        if message.command.name != self.command.name:
            return False
        return self.arguments is None or same(self.arguments, (message.args, message.kwargs))

    async def answer(self, message: Message[Any]) -> object:
        """Give the answer to a message, the next one.

        Raises:
            NotAsScripted: There is none, or it is not of the type that the command returns.
        """
        self.came += 1
        answer = self._answers[min(self.came, len(self._answers)) - 1] if self._answers else self._default()
        if answer.sent:
            mark_acted()
        if answer.delay:
            await trio.sleep(answer.delay)
        return await answer.give(message)

    def _default(self) -> _Answer:
        if problem := self._problem_with(None):
            raise NotAsScripted(f"nothing says how {self} is answered; {problem}")
        return _Answer(self._delay, sent=True, give=partial(_return, None))

    def _problem_with(self, value: object) -> str:
        declared = self.command.returns.annotation
        if fits(value, declared):
            return ""
        return f"{self.command!r} returns {inspect.formatannotation(declared)}, and not {value!r}"

    def _add(self, give: Callable[[Message[Any]], Awaitable[object]], *, sent: bool = True) -> Self:
        self._answers.append(_Answer(self._delay, sent, give))
        self._delay = 0.0
        return self

    def __repr__(self) -> str:
        """Return what it is about, such as ``Thermostat.heat(40.0)``, or ``Thermostat.heat(...)``."""
        if self.arguments is None:
            return f"{self.command!r}(...)"
        return repr(Message(self.command, *self.arguments))


def check_error(error: object) -> None:
    """Raise `TypeError` unless it can be raised afresh."""
    if not isinstance(error, Exception):
        raise TypeError(f"{error!r} is no exception: make one of the class first")


def _check_seconds(seconds: float) -> None:
    """Raise `ValueError` unless they are over one day."""
    if not 0 <= seconds < math.inf:
        raise ValueError(f"nothing can wait for {seconds!r} s")


def _check_takes(command: Command[..., Any], function: Callable[..., object]) -> None:
    """Raise `TypeError` unless a function can be called with the arguments of a command."""
    parameters = command.signature.parameters.values()
    by_name = {each.name: None for each in parameters if each.kind is each.KEYWORD_ONLY}
    by_position = [each.name for each in parameters if each.kind not in _NOT_BY_POSITION]
    try:
        taken = inspect.signature(function)
    except ValueError:
        return  # Some that are written in C do not say what they take.
    try:
        taken.bind(*by_position, **by_name)
    except TypeError as error:
        raise TypeError(f"{command!r} is asked with {command.signature}, not with {taken}: {error}") from None


_NOT_BY_POSITION = frozenset(
    {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
)


def afresh(error: Exception) -> Exception:
    """Return a copy of an error, to be raised: each keeps what has become of its own request."""
    # Not `copy`, which calls a class that may want other arguments.
    fresh = type(error).__new__(type(error), *error.args)
    vars(fresh).update(vars(error))
    return fresh


async def _return(value: object, _: Message[Any]) -> object:
    return value


async def _hang(_: Message[Any]) -> None:
    await trio.sleep_forever()


async def _wedge(seconds: float, _: Message[Any]) -> None:
    # Shielded, as this is what is to be seen; bounded, or the test would never end.
    with trio.CancelScope(shield=True):
        await trio.sleep(seconds)
    await trio.sleep_forever()
