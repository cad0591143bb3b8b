"""Calling the functions that describe instruments, each at most once and after those it names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import attrs

from labtroupe.bench._instrument_spec import InstrumentSpec
from labtroupe.instrument import Instrument

AnySpec = InstrumentSpec[Instrument]


class Unmet(Exception):
    """A function cannot be called, as something that it needs cannot, or needs it in turn."""


def needs(function: Callable[..., object]) -> Sequence[str]:
    """Return the names of what a function needs: its parameters, save those with a default of their own."""
    open_ended = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.default is each.empty and each.kind not in open_ended]


@attrs.define(eq=False)
class Making:
    """One round of calls.

    Attributes:
        specs: What has been returned, by name.
        failures: What was raised instead.
    """

    _functions: Mapping[str, Callable[..., object]]
    specs: dict[str, AnySpec] = attrs.field(factory=dict[str, AnySpec], init=False)
    failures: dict[str, Exception] = attrs.field(factory=dict[str, Exception], init=False)
    _under_way: list[str] = attrs.field(factory=list[str], init=False)

    def make(self, name: str) -> AnySpec | None:
        """Return what a function returns, calling it if it has not been yet; ``None`` if it fails."""
        known = name in self._functions
        if known and name not in {*self.specs, *self.failures, *self._under_way}:
            self._under_way.append(name)
            try:
                self.specs[name] = self._call(self._functions[name])
            except Exception as error:  # noqa: BLE001 - a function may raise anything
                self.failures[name] = error
            finally:
                self._under_way.pop()
        return self.specs.get(name)

    def try_again(self) -> None:
        """Forget the failures, unless this is about one of them."""
        if not self._under_way:
            self.failures.clear()

    def _call(self, function: Callable[..., object]) -> AnySpec:
        needed = {name: self.make(name) for name in needs(function)}
        if unmet := [name for name, spec in needed.items() if spec is None]:
            raise Unmet(f"needs {', '.join(unmet)}")
        made = function(**needed)
        if not isinstance(made, InstrumentSpec):
            raise TypeError(f"it returns {made!r}, which is no InstrumentSpec")
        return cast("AnySpec", made)
