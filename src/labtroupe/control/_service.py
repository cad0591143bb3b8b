"""The control service: what an operator can see and do, for every face of labtroupe."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import attrs
import trio

from labtroupe.actor import Actor, ActorRef
from labtroupe.control._arguments import make_message
from labtroupe.control._describe import InstrumentDescription, describe
from labtroupe.control._feed import Feed, Missed
from labtroupe.control._snapshot import InstrumentInfo, InstrumentStatus, snapshot
from labtroupe.errors import CommandError, NotSimulated, UnknownCommandError, UnknownInstrumentError
from labtroupe.lifecycle import State
from labtroupe.messages import Event, FaultChanged, commands_of
from labtroupe.names import nearest
from labtroupe.simulation import Fault, Rack
from labtroupe.supervision import Supervisor


@attrs.frozen
class CallResult:
    """The answer to a command, with its unit where it has one."""

    value: object
    unit: str


@attrs.frozen
class VerbResult:
    """What an operator's verb came to: the state before and after it."""

    instrument: str
    before: State
    after: State
    note: str


@attrs.frozen(kw_only=True)
class BenchStatus:
    """A whole bench at one moment."""

    bench: str
    instruments: Sequence[InstrumentStatus]


@attrs.define(eq=False)
class Service:
    """Sees and does what an operator asks for.

    Attributes:
        bench: The bench's name.
        feed: The bench's events.
    """

    bench: str
    feed: Feed
    _supervisor: Supervisor
    _infos: Mapping[str, InstrumentInfo]
    _rack: Rack

    def status(self, name: str | None = None) -> BenchStatus:
        """Look at one instrument or all; never waits.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        names = list(self._infos) if name is None else [self._known(name)]
        return BenchStatus(bench=self.bench, instruments=[self._snapshot(each) for each in names])

    def describe(self, name: str) -> InstrumentDescription:
        """Return what an instrument is, and what it can be asked; never waits.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return describe(self._supervisor.member(self._known(name)), self._infos[name])

    async def events(self, *, follow: bool = False, instrument: str | None = None) -> AsyncGenerator[Event]:
        """Yield the events still remembered, and with ``follow`` those that come, without end.

        Args:
            follow: Go on with the events to come.
            instrument: Only those of this instrument.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        wanted = None if instrument is None else self._known(instrument)
        async with aclosing(self.feed.read(follow=follow)) as events:
            async for event in events:
                if isinstance(event, Missed) or wanted in {None, event.instrument}:
                    yield event

    async def call(
        self,
        name: str,
        command: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the edge, where seconds become a deadline
    ) -> CallResult:
        """Ask an instrument, with values as an operator types them.

        Raises:
            UnknownInstrumentError: There is none of this name.
            UnknownCommandError: It has no such command.
            ArgumentError: A value is missing, unknown, of the wrong type, or out of range.
            CommandError: It was not carried out; ``outcome`` says what may have happened.
            LinkError: The connection broke on the way.
        """
        cell = self._supervisor.member(self._known(name)).cell
        commands = commands_of(cell.actor_type)
        if command not in commands:
            raise _named(
                UnknownCommandError(f"no command {command!r}{_did_you_mean(command, commands)}"), name
            )
        try:
            message = make_message(commands[command], args, kwargs or {})
        except CommandError as error:
            raise _named(error, name) from None
        ref: ActorRef[Actor] = ActorRef(cell)
        value = await ref.ask(message, timeout=timeout)
        return CallResult(value, str(commands[command].returns.unit or ""))

    async def start(self, name: str) -> VerbResult:
        """Start an instrument that is stopped or failed, or try one that backs off again now."""
        return await self._verb(name, self._supervisor.start)

    async def stop(self, name: str) -> VerbResult:
        """Stop an instrument, and those that depend on it, until somebody starts it."""
        return await self._verb(name, self._supervisor.stop)

    async def restart(self, name: str) -> VerbResult:
        """Give an instrument a new life."""
        return await self._verb(name, self._supervisor.restart)

    def inject(self, name: str, fault: str, args: Sequence[str] = ()) -> Sequence[str]:
        """Inject a fault into a simulated device, and return the faults now in force.

        Raises:
            UnknownInstrumentError: There is none of this name.
            NotSimulated: It is a real device.
            ArgumentError: There is no such fault, or it takes other values.
            CommandError: The simulated device has crashed.
        """
        if not self._infos[self._known(name)].simulated:
            raise _named(NotSimulated("this is a real device, and faults are for simulated ones"), name)
        try:
            self._rack.inject(name, fault, *args)
        except CommandError as error:
            raise _named(error, name) from None
        faults = self._faults(name)
        self.feed.publish(FaultChanged(instrument=name, faults=faults))
        return faults

    async def _verb(self, name: str, act: Callable[[str], None]) -> VerbResult:
        cell = self._supervisor.member(self._known(name)).cell
        before = cell.state
        act(name)
        after = await self._supervisor.wait_settled(name)
        return VerbResult(name, before, after, cell.reason)

    def _snapshot(self, name: str) -> InstrumentStatus:
        info = self._infos[name]
        return snapshot(self._supervisor.member(name), info, self._faults(name) if info.simulated else ())

    def _faults(self, name: str) -> tuple[str, ...]:
        now = trio.current_time()
        return tuple(_in_words(fault, now) for fault in self._rack.faults(name))

    def _known(self, name: str) -> str:
        if name not in self._infos:
            raise UnknownInstrumentError(
                f"there is no instrument {name!r} on this bench{_did_you_mean(name, self._infos)}"
            )
        return name


def _did_you_mean(word: str, known: Mapping[str, Any]) -> str:
    near = nearest(word, known)
    hint = f"; did you mean {near!r}?" if near else ""
    return f"{hint} (there {'is' if len(known) == 1 else 'are'}: {', '.join(known)})"


def _in_words(fault: Fault, now: float) -> str:
    delay = f" by {fault.delay:g} s" if fault.delay else ""
    left = "" if fault.until == math.inf else f" for another {fault.until - now:.1f} s"
    return f"{fault.name}{delay}{left}"


def _named(error: CommandError, name: str) -> CommandError:
    error.instrument = name
    return error
