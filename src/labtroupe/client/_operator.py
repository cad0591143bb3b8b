"""What an operator can see and do at a running bench, as calls that block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Final, TypeVar

from labtroupe.client._exact import to_plain
from labtroupe.client._records import EventRecord
from labtroupe.connections import ConnectionReport
from labtroupe.errors import Outcome
from labtroupe.records import BenchStatus, CallResult, HaltResult, InstrumentDescription, VerbResult

T = TypeVar("T")

# Seconds for what a bench answers without asking a device.
PATIENCE: Final = 5.0
# Seconds for a halt, which waits for safe states; those are to be short.
_HALT_PATIENCE: Final = 30.0
# Seconds beyond a command's own timeout, within which the bench itself must answer.
GRACE: Final = 2.0
# Seconds; what JSON has instead of an infinite timeout: some thirty years.
_FOREVER: Final = 1e9


class Operator(ABC):
    """What an operator can see and do, however the bench is reached; all methods block.

    To leave a method early, as Ctrl-C does, has the bench cancel what was asked.

    Each method raises `BenchError` if the bench cannot be reached, goes away, or is
    silent for too long, and the error with which the bench refuses.
    """

    def status(self, name: str | None = None) -> BenchStatus:
        """Look at one instrument or all.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.ask_bench("status", {"name": name}, BenchStatus, patience=PATIENCE)

    def describe(self, name: str) -> InstrumentDescription:
        """Return what an instrument is, and what it can be asked.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.ask_bench("describe", {"name": name}, InstrumentDescription, patience=PATIENCE)

    def call(
        self,
        name: str,
        command: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        timeout: float | None = None,
    ) -> CallResult:
        """Ask an instrument, with values as a person types them, or as a program has them.

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
        return self.call_as("call", name, command, args, kwargs or {}, timeout)

    def connections(self, names: str | Sequence[str] | None = None) -> ConnectionReport:
        """Look at who is connected: some instruments with what they depend on, or all.

        Raises:
            UnknownInstrumentError: There is none of one of these names.
        """
        return self.ask_bench("connections", {"names": _several(names)}, ConnectionReport, patience=PATIENCE)

    def connect(
        self, names: str | Sequence[str] | None = None, *, force: bool = False, timeout: float | None = None
    ) -> ConnectionReport:
        """Want instruments running, and wait until each does, or has been tried in vain.

        Args:
            names: Which, one or several; where not given, all that are to be running anyway.
            force: Give those that run a new life, with a new connection.
            timeout: Seconds to wait; those that are not connected by then go on being tried.

        Raises:
            UnknownInstrumentError: There is none of one of these names; nothing was done.
        """
        timeout = _finite(timeout)
        asked = {"names": _several(names), "force": force, "timeout": timeout}
        return self.ask_bench("connect", asked, ConnectionReport, patience=_patience(timeout))

    def ensure_connected(
        self, names: str | Sequence[str] | None = None, *, timeout: float | None = None
    ) -> ConnectionReport:
        """Have devices prove that they are there now; who does not is connected anew, once.

        Args:
            names: Which, one or several; where not given, all that are to be running anyway.
            timeout: Seconds to wait; who has not proved it by then is not connected.

        Raises:
            UnknownInstrumentError: There is none of one of these names.
        """
        timeout = _finite(timeout)
        asked = {"names": _several(names), "timeout": timeout}
        return self.ask_bench("ensure_connected", asked, ConnectionReport, patience=_patience(timeout))

    def start(self, name: str) -> VerbResult:
        """Start an instrument, and wait until it runs or has failed to.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.ask_bench("start", {"name": name}, VerbResult)

    def stop(self, name: str) -> VerbResult:
        """Stop an instrument and those that depend on it, and wait until it has stopped.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.ask_bench("stop", {"name": name}, VerbResult)

    def restart(self, name: str) -> VerbResult:
        """Give an instrument a new life, and wait until it runs or has failed to.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.ask_bench("restart", {"name": name}, VerbResult)

    def suspend(self, name: str) -> VerbResult:
        """Let an instrument finish what it does, and take nothing more, until it is resumed.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.ask_bench("suspend", {"name": name}, VerbResult, patience=PATIENCE)

    def resume(self, name: str) -> VerbResult:
        """Let an instrument take commands again.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.ask_bench("resume", {"name": name}, VerbResult, patience=PATIENCE)

    def clear(self, name: str) -> VerbResult:
        """Let an instrument carry out again what is in quarantine.

        Raises:
            UnknownInstrumentError: There is none of this name.
        """
        return self.ask_bench("clear", {"name": name}, VerbResult, patience=PATIENCE)

    def halt(self, names: str | Sequence[str] | None = None, reason: str = "") -> HaltResult:
        """Halt instruments now, and wait for their safe states.

        To leave early, as Ctrl-C does, leaves them halted.

        Args:
            names: Which, one or several; all of them where not given.
            reason: Why, in words.

        Raises:
            UnknownInstrumentError: There is none of one of these names; none was halted.
            BenchError: The bench went away on the way; what has become of it is unknown.
        """
        asked = {"names": _several(names), "reason": reason}
        return self.ask_bench("halt", asked, HaltResult, patience=_HALT_PATIENCE, lost=Outcome.UNKNOWN)

    def reset(self, names: str | Sequence[str], reason: str) -> tuple[VerbResult, ...]:
        """Let go of the latches of instruments that are halted.

        Args:
            names: Which.
            reason: Why it is safe now, in words.

        Raises:
            ArgumentError: There is no reason; none was reset.
            UnknownInstrumentError: There is none of one of these names; none was reset.
        """
        asked = {"names": _several(names), "reason": reason}
        return self.ask_bench("reset", asked, tuple[VerbResult, ...], patience=PATIENCE)

    def inject(self, name: str, fault: str, args: str | Sequence[str] = ()) -> tuple[str, ...]:
        """Inject a fault into a simulated device, and return the faults now in force.

        Raises:
            UnknownInstrumentError: There is none of this name.
            NotSimulated: It is a real device.
            ArgumentError: There is no such fault, or it takes other values.
        """
        asked = {"name": name, "fault": fault, "args": _several(args)}
        return self.ask_bench("inject", asked, tuple[str, ...], patience=PATIENCE)

    @abstractmethod
    def events(self, *, follow: bool = False, instrument: str | None = None) -> Generator[EventRecord]:
        """Yield the events the bench remembers, and with ``follow`` those that come.

        Args:
            follow: Go on with the events to come, until the bench goes away.
            instrument: Only those of this instrument.

        Raises:
            UnknownInstrumentError: There is none of this name.
            BenchError: The bench has gone away.
        """

    def call_as(  # noqa: PLR0913, PLR0917 - what goes over the socket, and how
        self,
        op: str,
        name: str,
        command: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        timeout: float | None,
    ) -> CallResult:
        """Ask an instrument, in the way that an operation of the control service answers."""
        timeout = _finite(timeout)
        asked = {
            "name": name,
            "command": command,
            "args": [to_plain(each) for each in args],
            "kwargs": {key: to_plain(each) for key, each in kwargs.items()},
            "timeout": timeout,
        }
        return self.ask_bench(op, asked, CallResult, patience=_patience(timeout), lost=Outcome.UNKNOWN)

    @abstractmethod
    def ask_bench(
        self,
        op: str,
        args: Mapping[str, object],
        result_type: type[T],
        *,
        patience: float | None = None,
        lost: Outcome | None = None,
    ) -> T:
        """Have the bench carry out an operation of its control service.

        Args:
            op: Its name.
            args: Its arguments.
            result_type: What it comes to.
            patience: Seconds within which the bench itself must answer; ``None`` for no limit.
            lost: What has become of it if the bench goes away on the way.
        """


def _finite(timeout: float | None) -> float | None:
    return None if timeout is None else min(timeout, _FOREVER)


def _patience(timeout: float | None) -> float | None:
    return None if timeout is None else timeout + GRACE


def _several(names: str | Sequence[str] | None) -> Sequence[str] | None:
    """Return one name as a sequence: taken for a sequence it would be one of letters."""
    return [names] if isinstance(names, str) else names
