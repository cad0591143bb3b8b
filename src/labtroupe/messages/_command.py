"""Commands: methods of an actor, and on the class the makers of its messages.

Called on an instance, inside the actor, a command is the plain method::

    await self.heat(40.0)

Called on the class it carries out nothing: it makes the message that asks for it::

    Thermostat.heat(40.0)  # Message: a frozen value, compared by value

One signature serves the type checkers, the limits, the command line and the test doubles.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from functools import cache, cached_property
from types import CellType, MappingProxyType, MethodType
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast, overload

import attrs

from labtroupe.messages._parameters import Binder, Parameter
from labtroupe.messages._schedule import Schedule, WhenIdle

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

DEFAULT_TIMEOUT: Final = 5.0
"""Seconds a command may take where neither its class nor its caller says otherwise."""


class Command(Generic[P, R_co]):
    """What can be asked of an actor; calling it makes the message that asks.

    Attributes:
        name: The method's name.
        function: The method as it was written, with the actor as its first argument.
        timeout: Seconds it may take unless the caller says otherwise; `math.inf` for no limit.
        idempotent: Whether carrying it out twice does no harm.
        interruptible: Whether it is cancelled when its caller has gone.
        urgent: Whether it goes through the stop lane, before all that waits.
        schedule: When it is due by itself; ``None`` for a command that somebody has to ask for.
    """

    schedule: Schedule | WhenIdle | None = None

    def __init__(
        self,
        function: Callable[..., Coroutine[Any, Any, R_co]],
        *,
        timeout: float,
        idempotent: bool = False,
        interruptible: bool = True,
        urgent: bool = False,
    ) -> None:
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"a command is an async method, and {function.__qualname__} is not")
        if not timeout > 0:
            raise ValueError(f"the timeout of {function.__qualname__} must be above 0 s, not {timeout!r}")
        self.function = function
        self.name = function.__name__
        self.timeout = timeout
        self.idempotent = idempotent
        self.interruptible = interruptible
        self.urgent = urgent
        self.__doc__ = function.__doc__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Message[R_co]:
        """Make the message that asks for this command.

        Raises:
            ArgumentError: An argument is missing, unknown, or outside its limits.
        """
        if not args and not kwargs:
            return self.plain
        return Message(self, *self._binder.bind(args, kwargs))

    def __repr__(self) -> str:
        """Return the name with its class, such as ``Thermostat.heat``."""
        return self.function.__qualname__

    @cached_property
    def signature(self) -> inspect.Signature:
        """The signature without ``self``, its annotations evaluated."""
        whole = inspect.signature(self.function, eval_str=True)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments it takes, in order."""
        return tuple(
            Parameter.of(each.name, each.annotation, each.default)
            for each in self.signature.parameters.values()
        )

    @cached_property
    def returns(self) -> Parameter:
        """What it returns, in the form of a parameter named ``return``."""
        return Parameter.of("return", self.signature.return_annotation)

    @cached_property
    def plain(self) -> Message[R_co]:
        """The message without arguments; raises `ArgumentError` if some are required."""
        return Message(self, *self._binder.bind((), {}))

    @cached_property
    def _binder(self) -> Binder:
        return Binder.of(self.name, self.signature, self.parameters)


@attrs.frozen
class CommandMethod(Generic[P, R_co]):
    """The descriptor behind ``@command``: on an instance the method, on the class the command."""

    command: Command[P, R_co]

    @property
    def __closure__(self) -> tuple[CellType, ...] | None:
        """The method's closure, where attrs mends ``super()``.

        attrs builds a slotted class twice, and lets the methods of the first
        one, as far as it finds them, refer to the second.
        """
        return self.command.function.__closure__

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Command[P, R_co]: ...
    @overload
    def __get__(self, instance: object, owner: type[object]) -> Callable[P, Coroutine[Any, Any, R_co]]: ...
    def __get__(
        self, instance: object | None, owner: type[object]
    ) -> Command[P, R_co] | Callable[P, Coroutine[Any, Any, R_co]]:
        """Return the bound method, or on the class the command."""
        if instance is None:
            return self.command
        return cast("Callable[P, Coroutine[Any, Any, R_co]]", MethodType(self.command.function, instance))


@attrs.frozen(repr=False)
class Message(Generic[R_co]):
    """One asking of a command, as a value: what to do and with which arguments.

    Compares by value, however the arguments were written: ``heat(40) == heat(celsius=40)``.
    Made by calling a command on its class, which has checked the arguments.
    """

    command: Command[Any, R_co] = attrs.field(eq=id)
    args: tuple[object, ...] = ()
    kwargs: tuple[tuple[str, object], ...] = ()

    def __repr__(self) -> str:
        """Return it as it would be written, such as ``Thermostat.heat(40.0)``."""
        args = [repr(value) for value in self.args] + [f"{name}={value!r}" for name, value in self.kwargs]
        return f"{self.command!r}({', '.join(args)})"


_Method = Callable[Concatenate[A, P], Coroutine[Any, Any, R]]


@overload
def command(function: _Method[A, P, R], /) -> CommandMethod[P, R]: ...
@overload
def command(
    *, timeout: float = ..., idempotent: bool = ..., interruptible: bool = ..., urgent: bool = ...
) -> Callable[[_Method[A, P, R]], CommandMethod[P, R]]: ...
def command(
    function: _Method[A, P, R] | None = None,
    /,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    idempotent: bool = False,
    interruptible: bool = True,
    urgent: bool = False,
) -> CommandMethod[P, R] | Callable[[_Method[A, P, R]], CommandMethod[P, R]]:
    """Make an async method of an actor a command.

    Args:
        function: The method, where the decorator is used without arguments.
        timeout: Seconds it may take unless the caller says otherwise;
            `math.inf` for a command that may take for ever.
        idempotent: Carrying it out twice does no harm, as with a query.
        interruptible: It is cancelled when its caller has gone.  A move that must
            not stop half-way, such as homing, says ``False``: its caller may go, and it
            goes on until it is done, or its own timeout is over.
        urgent: It goes through the stop lane: before all that waits, though after what runs.

    Raises:
        TypeError: The method is not async.
        ValueError: The timeout is not above zero.
    """

    def decorate(method: _Method[A, P, R]) -> CommandMethod[P, R]:
        return CommandMethod(
            Command(
                method, timeout=timeout, idempotent=idempotent, interruptible=interruptible, urgent=urgent
            )
        )

    return decorate if function is None else decorate(function)


def once_per_class(look: Callable[[type[Any]], R]) -> Callable[[type[Any]], R]:
    """Have a class looked at once, and what was found remembered: it does not change any more."""
    return cast("Callable[[type[Any]], R]", cache(look))


@once_per_class
def commands_of(actor_type: type[Any]) -> Mapping[str, Command[..., Any]]:
    """Return the commands of an actor class by name, those of its bases included.

    A command that a subclass overrides with something else is none any more.
    """
    # Read from the class dicts: attrs builds a slotted class twice, so a
    # table made while the class is defined would belong to the one thrown away.
    found: dict[str, Command[..., Any]] = {}
    for base in reversed(actor_type.__mro__):
        for name, attribute in vars(base).items():
            defined = _command_in(attribute)
            if defined is not None:
                found[name] = defined
            else:
                found.pop(name, None)
    return MappingProxyType(found)


@once_per_class
def accepted_commands(actor_type: type[Any]) -> frozenset[Command[..., Any]]:
    """Return every command a message for this class may carry: overridden ones of its bases too.

    Overridden with another command, that is: it is then the other that is carried out.
    """
    carried_out = commands_of(actor_type)
    attributes = (attribute for base in actor_type.__mro__ for attribute in vars(base).values())
    found = (defined for each in attributes if (defined := _command_in(each)) is not None)
    return frozenset(each for each in found if each.name in carried_out)


def _command_in(attribute: object) -> Command[..., Any] | None:
    if isinstance(attribute, CommandMethod):
        return cast("CommandMethod[..., Any]", attribute).command
    return None
