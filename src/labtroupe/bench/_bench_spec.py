"""A bench that is described by functions, one for each instrument."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Generic, Literal, TypeVar, cast

import attrs

from labtroupe.bench._as_written import GroupSpec
from labtroupe.bench._config import BenchConfig
from labtroupe.bench._instrument_spec import InstrumentSpec, T_co
from labtroupe.bench._making import Making
from labtroupe.bench._mistakes import BenchConfigError, Origin
from labtroupe.bench._python_document import make_python_config, origin_of, shown
from labtroupe.instrument import Instrument
from labtroupe.policy import STARTS_AT_ONCE, RestartLimit, Strategy

InstrumentT = TypeVar("InstrumentT", bound=Instrument)


@attrs.frozen(eq=False)
class InstrumentFactory(Generic[T_co]):
    """A function that describes an instrument of a bench, which is called as the function is.

    Attributes:
        name: That.
    """

    name: str
    _bench: BenchSpec

    def __call__(self) -> InstrumentSpec[T_co]:
        """Return what the function says about the instrument.

        The function is called when that is first asked for, and once for each time that the bench is
        checked or opened.
        """
        # What is found under this name is what this function has returned.
        return cast("InstrumentSpec[T_co]", self._bench.spec(self.name))


@attrs.define(eq=False)
class BenchSpec:
    """A bench that is described in Python, as others are in a ``bench.toml``.

    ::

        bench = BenchSpec("synthesis-1")


        @bench.instrument
        def heater() -> InstrumentSpec[LinkamT95]:
            return InstrumentSpec(LinkamT95, "serial:?serial_number=A6004byf&baudrate=19200")


        @bench.instrument
        def psu(heater: InstrumentSpec[LinkamT95]) -> InstrumentSpec[DCPowerSupply]:
            return InstrumentSpec(DCPowerSupply, "tcp://192.168.1.20:5025", max_voltage=12.0)

    An instrument is called as its function is, and depends on those that the parameters name.  No
    function is called before the bench is checked or opened.

    Attributes:
        name: What it is called: letters, digits, ``-`` and ``_``.
        starts_at_once: How many may be starting at the same time.
    """

    name: str
    starts_at_once: int = attrs.field(default=STARTS_AT_ONCE, kw_only=True)
    _functions: dict[str, FunctionType] = attrs.field(factory=dict[str, FunctionType], init=False)
    _groups: dict[str, GroupSpec] = attrs.field(factory=dict[str, GroupSpec], init=False)
    _making: Making = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Have called nothing yet."""
        self._making = Making(self._functions)

    def instrument(
        self, function: Callable[..., InstrumentSpec[InstrumentT]]
    ) -> InstrumentFactory[InstrumentT]:
        """Add the instrument that a function describes, as a decorator of that.

        Raises:
            BenchConfigError: There is one of this name already.
        """
        if not isinstance(function, FunctionType):
            raise TypeError(f"an instrument is described by a function, not by {function!r}")
        name = function.__name__
        earlier = self._functions.get(name)
        _refuse_second(origin_of(earlier) if earlier else None, origin_of(function))
        self._functions[name] = function
        self._making = Making(self._functions)
        return InstrumentFactory(name, self)

    def group(
        self,
        name: str,
        *,
        strategy: Strategy | Literal["one_for_one", "one_for_all", "rest_for_one"],
        members: Iterable[InstrumentFactory[Instrument]],
        restart: RestartLimit | None = None,
    ) -> None:
        """Add a group of instruments that share their fate.

        Args:
            name: What it is called.
            strategy: Who is restarted with a member that fails.
            members: In their order.
            restart: How often they may be restarted, all counted together.

        Raises:
            BenchConfigError: There is one of this name already.
        """
        caller = sys._getframe(1)  # noqa: SLF001 - inspect's own reads files
        origin = Origin(shown(caller.f_code.co_filename), caller.f_lineno, name)
        earlier = self._groups.get(name)
        _refuse_second(earlier.origin if earlier else None, origin)
        self._groups[name] = GroupSpec(origin, strategy, [each.name for each in members], restart)

    def spec(self, name: str) -> InstrumentSpec[Instrument]:
        """Return what is said about one instrument, and call its function if nobody has yet.

        What the function raises comes out as it is.
        """
        self._making.try_again()
        found = self._making.make(name)
        if found is None:
            raise self._making.failures.get(name) or BenchConfigError(f"{name} needs itself")
        return found

    def config(self) -> BenchConfig:
        """Call each function anew, and return the description of the bench that they make together.

        Raises:
            BenchConfigError: Its ``mistakes`` are everything that is wrong, with file, line and function.
        """
        self._making = Making(self._functions)
        for name in self._functions:
            self._making.make(name)
        table = {"name": self.name, "starts_at_once": self.starts_at_once}
        return make_python_config(table, self._functions, self._making, self._groups)


def _refuse_second(earlier: Origin | None, origin: Origin) -> None:
    # In a notebook, a cell that has been corrected is run again.
    if earlier is not None and not hasattr(sys, "ps1"):
        what = f"this is on line {earlier.line} already; give one of the two another name"
        raise BenchConfigError.of([origin.mistake(what)])
