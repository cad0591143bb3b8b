"""One instrument, as an object whose methods ask it and wait for the answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any, Final, Protocol

from labtroupe.names import did_you_mean
from labtroupe.records import CommandInfo, InstrumentDescription, ParameterInfo

# Where it is imported from, for `help`.
_MODULE: Final = "labtroupe.sync"


class AsksByName(Protocol):
    """Has an instrument asked for a command by its name."""

    def __call__(
        self,
        name: str,
        command: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        timeout: float | None,
    ) -> object:
        """Ask, and return the answer."""
        ...


class Instrument:
    """Each command is a method, which asks the instrument and waits for the answer.

    Besides its own arguments each takes ``timeout=``, the seconds it may take.  One that has an
    argument of this name itself is asked with a message, if it needs another limit than its own.
    """

    __slots__ = ("_ask", "_description")

    def __init__(self, ask: AsksByName, description: InstrumentDescription) -> None:
        self._ask = ask
        self._description = description

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Say which commands there are instead."""
        if name.startswith("_"):
            raise AttributeError(name)
        known = [each.name for each in self._description.commands]
        text = f"{self._description.name} has no command {name!r}{did_you_mean(name, known)}"
        # With a name, so that Python adds no suggestion of its own.
        raise AttributeError(text, name=name)

    def __dir__(self) -> list[str]:
        """List the commands."""
        return [each.name for each in self._description.commands]

    def __repr__(self) -> str:
        """Return what it is."""
        sim = ", simulated" if self._description.simulated else ""
        return f"<{self._description.name}: {self._description.kind} at {self._description.address}{sim}>"


def make_instrument(ask: AsksByName, description: InstrumentDescription) -> Instrument:
    """Return the instrument, of a class of its own that has its commands as methods.

    A class for each, so that `help` and the completion of every shell show its commands.
    """
    methods = {each.name: _method(description.name, each) for each in description.commands}
    name = description.kind.rpartition(":")[2]
    attributes: dict[str, object] = {
        "__doc__": f"{description.summary}\n\n{inspect.getdoc(Instrument)}",
        "__module__": _MODULE,
        "__slots__": (),
    }
    made: type[Instrument] = type(name, (Instrument,), attributes | methods)
    return made(ask, description)


def _method(instrument: str, command: CommandInfo) -> Callable[..., object]:
    own_timeout = any(each.name == "timeout" for each in command.parameters)

    def method(self: Instrument, *args: object, **kwargs: Any) -> object:  # noqa: ANN401 - the bench checks them
        timeout = None if own_timeout else kwargs.pop("timeout", None)
        # Its own is said too, so that a bench that hangs is noticed.
        timeout = command.timeout if timeout is None else timeout
        return self._ask(instrument, command.name, args, kwargs, timeout)

    method.__name__ = command.name
    method.__qualname__ = f"{instrument}.{command.name}"
    method.__module__ = _MODULE
    method.__doc__ = command.summary
    method.__signature__ = _signature(command, own_timeout=own_timeout)  # type: ignore[attr-defined]
    return method


def _signature(command: CommandInfo, *, own_timeout: bool) -> Signature:
    parameters = [Parameter("self", Parameter.POSITIONAL_ONLY), *_parameters(command.parameters)]
    if not own_timeout:
        limit = _Words("seconds")
        parameters.append(
            Parameter("timeout", Parameter.KEYWORD_ONLY, default=command.timeout, annotation=limit)
        )
    returns = " in ".join(filter(None, [command.returns, command.unit]))
    return Signature(parameters, return_annotation=_Words(returns or "nothing"))


def _parameters(infos: Sequence[ParameterInfo]) -> Iterator[Parameter]:
    by_name = False
    for index, each in enumerate(infos):
        # Python has no required ones after one with a default, but by name.
        by_name |= each.required and not all(before.required for before in infos[:index])
        kind = Parameter.KEYWORD_ONLY if by_name else Parameter.POSITIONAL_OR_KEYWORD
        words = _Words(" ".join(filter(None, [each.type, each.limits, each.unit])))
        default = Parameter.empty if each.required else each.default
        yield Parameter(each.name, kind, default=default, annotation=words)


class _Words(str):
    """A type in words, which `help` is to show without quotes."""

    __slots__ = ()
    __repr__ = str.__str__
