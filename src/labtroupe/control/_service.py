"""The control service: what an operator can see and do, for every face of labtroupe."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

import attrs
import msgspec
import trio

from labtroupe.actor import Actor, ActorRef, Cell
from labtroupe.control._arguments import make_message
from labtroupe.control._connecting import Connecting
from labtroupe.control._describe import describe
from labtroupe.control._events import LatchReset
from labtroupe.control._feed import Feed, Missed
from labtroupe.control._recording import Recording
from labtroupe.control._snapshot import InstrumentInfo, snapshot
from labtroupe.errors import (
    ArgumentError,
    CommandError,
    NotSimulated,
    UnknownCommandError,
    UnknownInstrumentError,
)
from labtroupe.instrument import FlightRecorder
from labtroupe.lifecycle import State
from labtroupe.messages import Event, FaultChanged, commands_of
from labtroupe.names import did_you_mean
from labtroupe.policy import Phase
from labtroupe.records import (
    BenchStatus,
    CallResult,
    HaltResult,
    InstrumentDescription,
    InstrumentStatus,
    VerbResult,
)
from labtroupe.simulation import Rack
from labtroupe.supervision import Member, Supervisor


class KeptLatches(Protocol):
    """Where the latches are kept so that they survive the bench's process."""

    def keep(self) -> None:
        """Have the latches written that there are when the caller first waits; never waits itself."""

    async def wait_kept(self) -> str:
        """Wait until the present latches are written, and return why they are not; empty if they are."""
        ...


@attrs.define(eq=False)
class Service:
    """Sees and does what an operator asks for.

    Attributes:
        bench: The bench's name.
        feed: The bench's events.
        connecting: Who is to be connected, and who is.
        recording: What goes over the wires.
    """

    bench: str
    feed: Feed
    _supervisor: Supervisor
    _infos: Mapping[str, InstrumentInfo]
    _rack: Rack
    _latches: KeptLatches
    _recorders: Mapping[str, FlightRecorder]
    connecting: Connecting = attrs.field(init=False)
    recording: Recording = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Hand on what the other parts have to know."""
        self.connecting = Connecting(self.bench, self._supervisor, self._infos, self._known)
        self.recording = Recording(self._infos, self._recorders, self._known)

    def status(self, name: str | None = None) -> BenchStatus:
        """Look at one instrument or all; never waits.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        names = list(self._infos) if name is None else [self._known(name)]
        return BenchStatus(bench=self.bench, instruments=tuple(map(self._snapshot, names)))

    def describe(self, name: str) -> InstrumentDescription:
        """Return what an instrument is, and what it can be asked; never waits.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return describe(self._supervisor.member(self._known(name)), self._snapshot(name))

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
        cell = self._cell(name)
        commands = commands_of(cell.actor_type)
        if command not in commands:
            hint = did_you_mean(command, commands)
            raise _named(UnknownCommandError(f"no command {command!r}{hint}"), name)
        try:
            message = make_message(commands[command], args, kwargs or {})
        except CommandError as error:
            raise _named(error, name) from None
        ref: ActorRef[Actor] = ActorRef(cell)
        value = await ref.ask(message, timeout=timeout)
        return CallResult(value=value, unit=str(commands[command].returns.unit or ""))

    async def start(self, name: str) -> VerbResult:
        """Start an instrument that is stopped or failed, or try one that backs off again now."""
        return await self._order(name, self._supervisor.start, _runs)

    async def stop(self, name: str) -> VerbResult:
        """Stop an instrument, and those that depend on it, until somebody starts it."""
        return await self._order(name, self._supervisor.stop, _is_stopped)

    async def restart(self, name: str) -> VerbResult:
        """Give an instrument a new life."""
        return await self._order(name, self._supervisor.restart, _runs)

    def suspend(self, name: str) -> VerbResult:
        """Let an instrument finish what it does, and take nothing more, until it is resumed; never waits."""
        was = self._cell(name).suspended
        note = "was suspended already" if was else "suspended"
        return self._set(name, self._supervisor.suspend, note, changed=not was)

    def resume(self, name: str) -> VerbResult:
        """Let an instrument take commands again; never waits."""
        was = self._cell(name).suspended
        note = "takes commands again" if was else "was not suspended"
        return self._set(name, self._supervisor.resume, note, changed=was)

    def clear(self, name: str) -> VerbResult:
        """Let an instrument carry out again what is in quarantine; never waits."""
        was = sorted(self._cell(name).quarantine.commands)
        note = f"cleared: {', '.join(was)}" if was else "nothing was in quarantine"
        return self._set(name, self._supervisor.clear, note, changed=bool(was))

    async def halt(self, names: Sequence[str] | None = None, reason: str = "") -> HaltResult:
        """Latch instruments now, and say whether they have got into their safe states.

        Whatever runs is cut off, whatever waits is refused, and nothing begins any
        more until `reset`, also where the bench's process is started again.

        Args:
            names: Which; all of them where not given.
            reason: Why, in words.

        Raises:
            UnknownInstrumentError: There is none of one of these names; none was halted.
        """
        halted = None if names is None else [self._known(name) for name in names]
        self._latches.keep()
        # Latches all of them before it first waits, so that nobody waits for the disk.
        reports = await self._supervisor.halt(halted, reason.strip() or "halted by an operator")
        return HaltResult(reports=tuple(reports), not_kept=await self._latches.wait_kept())

    async def reset(self, names: Sequence[str], reason: str) -> Sequence[VerbResult]:
        """Let go of the latches of instruments.

        Args:
            names: Which.
            reason: Why it is safe now, in words; becomes an event.

        Raises:
            ArgumentError: There is no reason; none was reset.
            UnknownInstrumentError: There is none of one of these names; none was reset.
        """
        if not reason.strip():
            raise ArgumentError("a reset takes a reason", remedy="Say why it is safe to go on.")
        halted = [self._known(name) for name in names]
        results = [self._reset(name, reason.strip()) for name in halted]
        not_kept = await self._latches.wait_kept()
        if not not_kept:
            return results
        warning = f"{{}}, until the bench's process is started again: {not_kept}"
        return [msgspec.structs.replace(each, note=warning.format(each.note)) for each in results]

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

    async def _order(
        self, name: str, order: Callable[[str], None], is_done: Callable[[Member], bool]
    ) -> VerbResult:
        """Change what is wanted of an instrument, and wait for what comes of it."""
        member = self._supervisor.member(self._known(name))
        before, life = member.cell.state, member.cell.life
        order(name)
        after = await self._supervisor.wait_settled(name)
        return VerbResult(
            instrument=name,
            before=before,
            after=after,
            changed=after is not before or member.cell.life != life,
            done=is_done(member),
            note=member.cell.reason,
        )

    def _set(self, name: str, verb: Callable[[str], None], note: str, *, changed: bool) -> VerbResult:
        """Carry out a verb that is done at once."""
        cell = self._cell(name)
        before = cell.state
        verb(name)
        return VerbResult(
            instrument=name, before=before, after=cell.state, changed=changed, done=True, note=note
        )

    def _reset(self, name: str, reason: str) -> VerbResult:
        halted = self._cell(name).latch is not None
        note = "not halted any more" if halted else "was not halted"
        if halted:
            self.feed.publish(LatchReset(instrument=name, reason=reason))
        return self._set(name, self._supervisor.reset, note, changed=halted)

    def _cell(self, name: str) -> Cell:
        return self._supervisor.member(self._known(name)).cell

    def _snapshot(self, name: str) -> InstrumentStatus:
        info = self._infos[name]
        return snapshot(self._supervisor.member(name), info, self._faults(name) if info.simulated else ())

    def _faults(self, name: str) -> tuple[str, ...]:
        now = trio.current_time()
        return tuple(fault.in_words(now) for fault in self._rack.faults(name))

    def _known(self, name: str) -> str:
        if name not in self._infos:
            raise UnknownInstrumentError(
                f"there is no instrument {name!r} on this bench{did_you_mean(name, self._infos)}"
            )
        return name


def _runs(member: Member) -> bool:
    return member.cell.state is State.RUNNING


def _is_stopped(member: Member) -> bool:
    # A latch hides what is behind it.
    halted = member.cell.state is State.HALTED and member.record.phase is Phase.DOWN
    return halted or member.cell.state is State.STOPPED


def _named(error: CommandError, name: str) -> CommandError:
    error.instrument = name
    return error
