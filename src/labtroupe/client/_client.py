"""One running bench, as seen from another process."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from labtroupe.client._connection import Connection
from labtroupe.client._records import (
    BenchStatus,
    CallResult,
    EventRecord,
    HaltResult,
    InstrumentDescription,
    VerbResult,
)
from labtroupe.errors import BenchError, Outcome

T = TypeVar("T")

# Seconds for what a bench answers without asking a device.
_PATIENCE: Final = 5.0
# Seconds for a halt, which waits for safe states; those are to be short.
_HALT_PATIENCE: Final = 30.0
# Seconds beyond a command's own timeout, within which the bench itself must answer.
_GRACE: Final = 2.0


class Client(msgspec.Struct, frozen=True):
    """A running bench, reached through its control socket; all methods block.

    Every question is a connection of its own.  To leave a method early, as Ctrl-C does,
    closes it, and the bench cancels what was asked.

    Each method raises `BenchError` if the bench cannot be reached, goes away, or is
    silent for too long, and the error with which the bench refuses.

    Attributes:
        path: Its control socket.
    """

    path: Path

    def status(self, name: str | None = None) -> BenchStatus:
        """Look at one instrument or all.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self._ask("status", {"name": name}, BenchStatus, patience=_PATIENCE)

    def describe(self, name: str) -> InstrumentDescription:
        """Return what an instrument is, and what it can be asked.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self._ask("describe", {"name": name}, InstrumentDescription, patience=_PATIENCE)

    def call(
        self,
        name: str,
        command: str,
        args: Sequence[str] = (),
        kwargs: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> CallResult:
        """Ask an instrument, with values as a person types them.

        Args:
            name: The instrument.
            command: What to ask.
            args: Values by position.
            kwargs: Values by name.
            timeout: Seconds it may take; the command's own where not given.

        Raises:
            UnknownInstrumentError: There is none of this name.
            UnknownCommandError: It has no such command.
            ArgumentError: A value is missing, unknown, of the wrong type, or out of range.
            CommandError: It was not carried out; ``outcome`` says what may have happened.
            LinkError: The connection to the device broke on the way.
            BenchError: The bench went away on the way; ``outcome`` is unknown.
        """
        asked = {"name": name, "command": command, "args": args, "kwargs": kwargs or {}, "timeout": timeout}
        patience = None if timeout is None else timeout + _GRACE
        return self._ask("call", asked, CallResult, patience=patience, lost=Outcome.UNKNOWN)

    def start(self, name: str) -> VerbResult:
        """Start an instrument, and wait until it runs or has failed to.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self._ask("start", {"name": name}, VerbResult)

    def stop(self, name: str) -> VerbResult:
        """Stop an instrument and those that depend on it, and wait until it has stopped.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self._ask("stop", {"name": name}, VerbResult)

    def restart(self, name: str) -> VerbResult:
        """Give an instrument a new life, and wait until it runs or has failed to.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self._ask("restart", {"name": name}, VerbResult)

    def suspend(self, name: str) -> VerbResult:
        """Let an instrument finish what it does, and take nothing more, until it is resumed.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self._ask("suspend", {"name": name}, VerbResult, patience=_PATIENCE)

    def resume(self, name: str) -> VerbResult:
        """Let an instrument take commands again.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self._ask("resume", {"name": name}, VerbResult, patience=_PATIENCE)

    def clear(self, name: str) -> VerbResult:
        """Let an instrument carry out again what is in quarantine.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self._ask("clear", {"name": name}, VerbResult, patience=_PATIENCE)

    def halt(self, names: Sequence[str] | None = None, reason: str = "") -> HaltResult:
        """Halt instruments now, and wait for their safe states.

        To leave early, as Ctrl-C does, leaves them halted.

        Args:
            names: Which; all of them where not given.
            reason: Why, in words.

        Raises:
            UnknownInstrumentError: There is none of one of these names; none was halted.
            BenchError: The bench went away on the way; what has become of it is unknown.
        """
        asked = {"names": names, "reason": reason}
        return self._ask("halt", asked, HaltResult, patience=_HALT_PATIENCE, lost=Outcome.UNKNOWN)

    def reset(self, names: Sequence[str], reason: str) -> tuple[VerbResult, ...]:
        """Let go of the latches of instruments that are halted.

        Args:
            names: Which.
            reason: Why it is safe now, in words.

        Raises:
            ArgumentError: There is no reason; none was reset.
            UnknownInstrumentError: There is none of one of these names; none was reset.
        """
        asked = {"names": names, "reason": reason}
        return self._ask("reset", asked, tuple[VerbResult, ...], patience=_PATIENCE)

    def inject(self, name: str, fault: str, args: Sequence[str] = ()) -> tuple[str, ...]:
        """Inject a fault into a simulated device, and return the faults now in force.

        Raises:
            UnknownInstrumentError: There is none of this name.
            NotSimulated: It is a real device.
            ArgumentError: There is no such fault, or it takes other values.
        """
        asked = {"name": name, "fault": fault, "args": args}
        return self._ask("inject", asked, tuple[str, ...], patience=_PATIENCE)

    def events(self, *, follow: bool = False, instrument: str | None = None) -> Generator[EventRecord]:
        """Yield the events the bench remembers, and with ``follow`` those that come.

        Args:
            follow: Go on with the events to come, until the bench goes away.
            instrument: Only those of this instrument.

        Raises:
            UnknownInstrumentError: There is none of this name.
            BenchError: The bench has gone away.
        """
        with closing(Connection(self.path)) as connection:
            connection.send("events", {"follow": follow, "instrument": instrument})
            while (item := connection.receive(None if follow else _PATIENCE)) is not None:
                fields = connection.decode(item, dict[str, object])
                yield msgspec.structs.replace(connection.decode(item, EventRecord), fields=fields)
            if follow:
                raise connection.gone()

    def _ask(
        self,
        op: str,
        args: Mapping[str, object],
        result_type: type[T],
        *,
        patience: float | None = None,
        lost: Outcome | None = None,
    ) -> T:
        with closing(Connection(self.path)) as connection:
            connection.send(op, args)
            try:
                result = connection.receive(patience)
                if result is None:
                    raise connection.gone()
            except BenchError as error:
                error.outcome = lost
                raise
            return connection.decode(result, result_type)
