"""The part that a double plays: what is answered, and what has come, over all its lives."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import trio

from labtroupe.actor import Actor, current
from labtroupe.errors import CommandError, CommandRefused, bare
from labtroupe.messages import Command, Message
from labtroupe.testing._received import Received
from labtroupe.testing._rule import NotAsScripted, Rule, afresh, check_error
from labtroupe.testing._values import zero_of
from labtroupe.testing._violations import difference, listed


def _hook(method: Callable[..., Any]) -> Rule[None]:
    """Return a rule about what a supervisor asks of an actor, and not a message."""
    return Rule(Command(method, timeout=math.inf))


@attrs.define(eq=False)
class Part:
    """Plays the part of an actor: the `Player` of a stand-in.

    Attributes:
        commands: Those of the class that is stood in for.
        strict: Whether messages that no rule is about are violations.
        name: The name of the actor; empty as long as there is none.
        rules: In the order in which they were written.
        starting: How each life gets ready.
        making_safe: How it gets into its safe state.
        received: What has come.
        violations: What was not as it should be.
        listeners: Told of each message that has come.
    """

    commands: Mapping[str, Command[..., Any]]
    strict: bool
    name: str = attrs.field(default="", init=False)
    rules: list[Rule[Any]] = attrs.field(factory=list[Rule[Any]], init=False)
    starting: Rule[None] = attrs.field(factory=lambda: _hook(Actor.on_start), init=False)
    making_safe: Rule[None] = attrs.field(factory=lambda: _hook(Actor.safe_state), init=False)
    received: list[Received] = attrs.field(factory=list[Received], init=False)
    violations: list[str] = attrs.field(factory=list[str], init=False)
    listeners: list[Callable[[Received], None]] = attrs.field(
        factory=list[Callable[[Received], None]], init=False
    )
    _failure: Exception = attrs.field(factory=Exception, init=False)
    _in_hand: trio.CancelScope | None = attrs.field(default=None, init=False)
    # Of the present life; none if there is none.
    _failing: trio.Event | None = attrs.field(default=None, init=False)
    _loop: trio.lowlevel.TrioToken | None = attrs.field(default=None, init=False)

    async def start(self) -> None:
        """Begin a life, as it is said how."""
        with self._noting(f"{self.name}: its start", "a start"):
            await self.starting.answer(self.starting.command.plain)
        self._failing, self._loop = trio.Event(), trio.lowlevel.current_trio_token()

    async def make_safe(self) -> None:
        """Get into the safe state, as it is said how."""
        with self._noting(f"{self.name}: its safe state", "the safe state"):
            await self.making_safe.answer(self.making_safe.command.plain)

    async def break_down(self) -> None:
        """Raise what the present life is to end with, once `fail` is called."""
        assert self._failing is not None  # noqa: S101 - it has started
        try:
            await self._failing.wait()
        finally:
            self._failing = None
        raise afresh(self._failure)

    def fail(self, error: Exception) -> None:
        """End the present life with an error, that of the command it carries out if there is one.

        Raises:
            TypeError: It is no error, or one that ends no life.
            RuntimeError: There is no life.
        """
        check_error(error)
        if isinstance(error, CommandError):
            raise TypeError(f"{error!r} is for an asker alone, and ends no life")
        if self._failing is None or self._loop is None:
            raise RuntimeError("the double has no life that could end: it is not up")
        self._failure = error
        if trio.lowlevel.in_trio_run():
            self._end_life()
        else:
            # A blocking bench is in another thread than the test.
            self._loop.run_sync_soon(self._end_life)

    def _end_life(self) -> None:
        if self._in_hand is not None:
            self._in_hand.cancel("it fails")
        elif self._failing is not None:
            self._failing.set()

    async def carry_out(self, message: Message[Any]) -> object:
        """Answer a message.

        Raises:
            CommandRefused: It is not as the script says, which has been noted.
            Exception: What the script says.
        """
        received = self._receive(message)
        with self._noting(received, message):
            return await self._answer_unless_failing(received)

    @contextmanager
    def _noting(self, what: object, asked: object) -> Generator[None]:
        """Note what is not as the script says, and refuse it."""
        try:
            yield
        except Exception as error:
            # Noted and not raised: in here an assertion would be one more crash, of which nobody need hear.
            broken = bare(error)
            if not isinstance(broken, NotAsScripted | AssertionError):
                raise
            self.violations.append(f"{what}: {str(broken) or repr(broken)}")
            raise CommandRefused(f"{asked} is not as the script of the double says") from error

    def unmet(self) -> list[str]:
        """Return what has not come that had to, and what is written in vain."""
        came = listed([repr(each.message) for each in self.received], "nothing")
        return [
            f"{rule!r} was expected {_times(rule.times)}, and came {_times(rule.came)}; what came:\n{came}"
            for rule in self.rules
            if rule.times is not None and rule.came < rule.times
        ] + [
            f"the delay behind the last answer to {rule!r} delays nothing; it goes before the answer"
            for rule in self.rules
            if rule.delays_nothing
        ]

    def _receive(self, message: Message[Any]) -> Received:
        request = current.get()
        assert request is not None  # noqa: S101 - only a life calls this, with a request
        received = Received(
            instrument=request.cell.name,
            message=message,
            sender=request.sender,
            life=self.starting.came,
            at=trio.current_time(),
            deadline=request.deadline,
            request=request,
        )
        self.received.append(received)
        for tell in self.listeners:
            tell(received)
        return received

    async def _answer_unless_failing(self, received: Received) -> object:
        try:
            with trio.CancelScope() as self._in_hand:
                return await self._answer(received)
        finally:
            self._in_hand = None
        raise afresh(self._failure)

    async def _answer(self, received: Received) -> object:
        message = received.message
        about = [rule for rule in self.rules if rule.matches(message)]
        # What is expected, in its order; else what was said last.
        expected = [rule for rule in about if rule.times is not None]
        others = [rule for rule in about if rule.times is None]
        if rule := next((rule for rule in expected if rule.open), None):
            return await rule.answer(message)
        if others and all(rule.times for rule in expected):
            return await others[-1].answer(message)
        if self.strict or expected:
            raise NotAsScripted(self._not_expected(message, expected))
        try:
            return zero_of(message.command.returns.annotation)
        except LookupError as error:
            raise NotAsScripted(f"nothing says how it is answered, and {error}") from None

    def _not_expected(self, message: Message[Any], expected: Sequence[Rule[Any]]) -> str:
        if expected:
            rule = expected[-1]
            if not rule.times:
                return f"not expected; {rule!r} was to come {_times(0)}"
            return f"not expected again; {rule!r} was expected {_times(rule.times)}, and has come"
        same = [repr(rule) for rule in self.rules if rule.command.name == message.command.name]
        if same:
            shown = difference(same, [repr(message)])
            return f"not expected; the script has (-), and what came is (+):\n{shown}"
        scripted = listed([repr(rule) for rule in self.rules], "nothing")
        return f"not expected; the script has only:\n{scripted}"


def _times(number: int | None) -> str:
    return "once" if number == 1 else f"{number} times"
