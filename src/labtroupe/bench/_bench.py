"""A bench that runs, as an application has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypeVar, cast, overload

import attrs

from labtroupe.actor import ActorRef
from labtroupe.bench._bench_spec import InstrumentFactory
from labtroupe.bench._composites import Composite, make_composite, refs_in
from labtroupe.bench._config import BenchConfig
from labtroupe.connections import ConnectionReport
from labtroupe.control import Service
from labtroupe.errors import NotConnected
from labtroupe.instrument import Instrument
from labtroupe.supervision import Supervisor

InstrumentT = TypeVar("InstrumentT", bound=Instrument)
CompositeT = TypeVar("CompositeT", bound=Composite)

Wanted: TypeAlias = str | ActorRef[Any] | InstrumentFactory[Any] | Composite
"""An instrument by its name, its ref or its function; or several, in an object whose fields are refs."""


@attrs.define(eq=False, repr=False)
class Bench:
    """A bench that runs.

    Attributes:
        config: What its file says.
        service: What an operator can see and do.
    """

    config: BenchConfig
    service: Service
    _supervisor: Supervisor

    def __repr__(self) -> str:
        """Return its name and the states of its instruments."""
        states = ", ".join(f"{each.name}: {each.state}" for each in self.service.status().instruments)
        return f"<bench {self.name}: {states}>"

    @property
    def name(self) -> str:
        """The bench's name."""
        return self.config.name

    @overload
    def ref(self, instrument: InstrumentFactory[InstrumentT]) -> ActorRef[InstrumentT]: ...

    @overload
    def ref(self, instrument: str, instrument_type: type[InstrumentT]) -> ActorRef[InstrumentT]: ...

    def ref(
        self,
        instrument: str | InstrumentFactory[InstrumentT],
        instrument_type: type[InstrumentT] | None = None,
    ) -> ActorRef[InstrumentT]:
        """Return the ref to an instrument, valid over all its restarts.

        Args:
            instrument: Its name, or the function that describes it.
            instrument_type: Its class; the function's where that is given.

        Raises:
            UnknownInstrumentError: The bench has none of this name.
            TypeError: It is not of this class.
        """
        if isinstance(instrument, str):
            return self._supervisor.ref(instrument, cast("type[InstrumentT]", instrument_type))
        return self._supervisor.ref(instrument.name, instrument().instrument_type)

    def refs(self, composite: type[CompositeT]) -> CompositeT:
        """Return refs to several instruments, in a class of yours that names them.

        Each field of the class, an attrs class or a dataclass, has the name of an instrument
        and the type of its ref::

            @attrs.frozen
            class Oven:
                heater: ActorRef[LinkamT95]
                supply: ActorRef[DCPowerSupply]


            oven = bench.refs(Oven)

        Raises:
            UnknownInstrumentError: The bench has none with the name of a field.
            TypeError: A field is no ref, or the instrument is not of its class.
        """
        return make_composite(composite, self.ref)

    def connections(self, *wanted: Wanted) -> ConnectionReport:
        """Look at who is connected, and why others are not; never waits.

        Args:
            wanted: Which; where none is given, all but those that wait for their first use.

        Raises:
            UnknownInstrumentError: The bench has none of one of these names.
        """
        return self.service.connecting.report(self._names(wanted))

    async def wait_first_starts(self) -> ConnectionReport:
        """Wait until each instrument has been tried once, and say who is connected."""
        return await self.service.connecting.wait_first_starts()

    async def connect(
        self,
        *wanted: Wanted,
        force: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - the edge, where seconds become a deadline
    ) -> ConnectionReport:
        """Have instruments running: return as soon as they do.

        One that runs is left as it is.  One that was stopped or has failed is started; one
        that backs off is tried at once, with what it depends on.  Each has its own
        ``start_timeout``.  To stop waiting, by a timeout or a cancel, stops none of it.

        Args:
            wanted: Which; where none is given, all that are to be running anyway.
            force: Give those that run a new life, with a new connection.
            timeout: Seconds to wait for all of them.

        Raises:
            NotConnected: Some have been tried in vain, or are not running in time.
            UnknownInstrumentError: The bench has none of one of these names; nothing was done.
        """
        names = self._names(wanted)
        return _checked(await self.service.connecting.connect(names, force=force, timeout=timeout))

    async def ensure_connected(
        self,
        *wanted: Wanted,
        timeout: float | None = None,  # noqa: ASYNC109 - the edge, where seconds become a deadline
        **named: ActorRef[Any],
    ) -> ConnectionReport:
        """Have the devices of instruments prove that they are there now.

        The proof is an answer to what the class declares with `labtroupe.when_idle`; one of a
        class without that has to run.  One that does not answer is connected anew, once.  What
        a person has stopped or halted stays so.

        Args:
            wanted: Which; where none is given, all that are to be running anyway.
            timeout: Seconds to wait for all of them.
            named: More of them.

        Raises:
            NotConnected: Some are not there, or have not proved it in time.
            UnknownInstrumentError: The bench has none of one of these names.
        """
        connecting = self.service.connecting
        if not wanted and not named:
            return _checked(await connecting.ensure_connected(timeout=timeout))
        refs = [*self._refs(wanted), *named.values()]
        return _checked(await connecting.ensure(refs, timeout))

    def _names(self, wanted: Sequence[Wanted]) -> Sequence[str] | None:
        return [ref.name for ref in self._refs(wanted)] if wanted else None

    def _refs(self, wanted: Sequence[Wanted]) -> Iterator[ActorRef[Any]]:
        for each in wanted:
            match each:
                case str():
                    yield self._supervisor.ref(each, Instrument)
                case ActorRef():
                    yield each
                case InstrumentFactory():
                    yield self.ref(each)
                case _:
                    yield from refs_in(each)


def _checked(report: ConnectionReport) -> ConnectionReport:
    """Return a report in which all are connected.

    Raises:
        NotConnected: Not all are.
    """
    if report.connected:
        return report
    reasons = {each.name: each.reason or str(each.state) for each in report.causes}
    count, total = len(report.missing), len(report.connections)
    what = "; ".join(f"{name} ({reason})" for name, reason in reasons.items())
    raise NotConnected(f"{count} of {total} not connected: {what}", reasons=reasons)
