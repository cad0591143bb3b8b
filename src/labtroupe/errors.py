"""Every error labtroupe raises on purpose; its class says who must act.

::

    LabtroupeError
    ├── CommandError                the caller: this request failed, the actor goes on
    │   ├── ArgumentError             a value has the wrong type or is out of range
    │   ├── UnknownCommandError       the instrument has no such command
    │   ├── UnknownInstrumentError    the bench has no such instrument
    │   ├── CommandRefused            the device said no
    │   ├── NoAnswer                  a device on a shared bus did not answer
    │   ├── CommandTimeout            not done by its deadline
    │   ├── CommandCancelled          the caller withdrew it
    │   ├── CommandCrashed            the actor crashed while carrying it out
    │   ├── MailboxFull               no room, and the caller did not want to wait
    │   ├── NotRunning                the actor's state refuses it
    │   │   └── Halted                  it was halted, and nobody has reset it
    │   ├── NotConnected              instruments that are needed are not there
    │   ├── Deadlock                  the answer would have to wait for itself
    │   ├── Leased                    somebody else has the actor for himself
    │   ├── Quarantined               the command has crashed the actor too often
    │   ├── WrongState                an operator's verb does not apply now
    │   ├── TooManyChildren           the supervisor may not have another child
    │   ├── NotSimulated              its device is real, and takes no simulated faults
    │   └── Restarted                 the actor went down while it was queued
    ├── LinkError                   the supervisor: the connection cannot be trusted
    │   ├── Unavailable               it cannot be reached now, but may be later
    │   │   ├── DeviceAbsent            nothing there to open, or nobody answers
    │   │   ├── WrongDevice             somebody is there, and it is another device
    │   │   └── PortInUse               somebody else holds the port
    │   ├── LinkLost                  the connection broke, or cannot be brought in step
    │   ├── DeviceSilent              not a byte for as long as the device is never silent
    │   └── ProtocolError             what came back is not an answer
    ├── StartTimeout                the supervisor: an actor was not ready in time
    ├── MissedTick                  the supervisor: periodic work was still to be done when it was due again
    ├── ConfigError                 a person: the bench is described wrongly
    ├── BenchError                  a person: the bench cannot be started or reached
    ├── RestartLimitError           a person: restarting did not help
    ├── ChannelClosed               a person: something is sent to where nobody receives any more
    ├── RunLogError                 a person: the log of a run cannot be written or read
    ├── RunAbandoned                a person: a procedure did not end when it was cancelled
    └── InternalError               a person: a fault in labtroupe itself, to be reported

An error carries a sentence for people, a ``code`` that stays the same for
programs, a ``remedy`` that says what to do, and, where a request was involved,
its ``outcome``.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast


class Outcome(enum.StrEnum):
    """What became of a request: the one thing a caller must know before asking again."""

    NOT_SENT = "not_sent"
    """No byte of it reached the device; asking again is safe."""
    DONE = "done"
    """The device carried it out."""
    REFUSED = "refused"
    """The device understood it and said no."""
    UNKNOWN = "unknown"
    """The device may have acted; look before asking again."""


class LabtroupeError(Exception):
    """The base of all errors raised on purpose.

    Attributes:
        code: A stable name for programs, such as ``"timeout"``.
        remedy: One sentence that says what to do about it.
        outcome: What became of the request, ``None`` where there was none.
        instrument: Name of the actor it happened to, once that is known.
        has_event: Whether who raises it says so once by an event of its own, however often it is raised.
    """

    code = "error"
    remedy = ""
    outcome: Outcome | None = None
    instrument: str | None = None
    has_event = False

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        # Only where it differs: everything in __dict__ is pickled.
        if remedy is not None:
            self.remedy = remedy

    def __str__(self) -> str:
        """Return the sentence, with the instrument's name before it once known."""
        text = super().__str__()
        return f"{self.instrument}: {text}" if self.instrument else text


def sentence(error: BaseException, code: type[object] | None = None) -> str:
    """Return what an error says, without the name of the instrument before it.

    Args:
        error: The error.
        code: The class whose code is at fault if the error is none that is raised on purpose; then it is
            said, too, on which line of the package of that class.
    """
    if isinstance(error, LabtroupeError):
        return Exception.__str__(error)
    inside = "; ".join(sentence(each, code) for each in inner(error))
    where = place(error, code.__module__) if code is not None else ""
    return inside or (f"{error!r} at {where}" if where else repr(error))


def place(error: BaseException, module: str) -> str:
    """Return on which line of the package of a module an error has come up, such as ``pump/driver.py:27``."""
    if isinstance(error, SyntaxError):
        return ""  # It says itself where it is; what comes up elsewhere is the import.
    package, place, caught = module.partition(".")[0], "", error.__traceback__
    # Who has caught it comes first, and is not where it has come up.
    traceback = caught.tb_next if caught is not None else None
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__", "").partition(".")[0] == package:
            place = line_of(frame.f_code.co_filename, traceback.tb_lineno)
        traceback = traceback.tb_next
    return place


def line_of(file: str, number: int | str) -> str:
    """Return how a line is named; by two parts of the path, as many a package has its ``driver.py``."""
    return f"{'/'.join(file.split('/')[-2:])}:{number}"


E = TypeVar("E", bound=BaseException)


def bare(error: E) -> E | Exception:
    """Return the one exception inside nested groups; a nursery wraps what it raises.

    Several errors of one link are one: when it breaks, it breaks for all the tasks that use it.
    """
    inside = [bare(each) for each in inner(error)]
    if len(inside) == 1 or (inside and all(isinstance(each, LinkError) for each in inside)):
        return inside[0]
    return error


def inner(error: BaseException) -> Sequence[Exception]:
    """Return the exceptions of a group, nothing for any other error."""
    if isinstance(error, ExceptionGroup):
        return cast("ExceptionGroup[Exception]", error).exceptions
    return ()


class CommandError(LabtroupeError):
    """A request failed and the actor goes on; the caller decides what to do.

    A command's method raises it, or a subclass, to answer "no" without being restarted.
    """

    code = "command-failed"
    remedy = "Read what it says: the instrument goes on and can be asked for something else."
    outcome: Outcome | None = Outcome.REFUSED


class ArgumentError(CommandError):
    """A value has the wrong type or is outside its limits; nothing was sent."""

    code = "bad-argument"
    remedy = "Correct the value; `labtroupe show NAME` lists the commands with units and limits."
    outcome = Outcome.NOT_SENT


class UnknownCommandError(CommandError):
    """The actor has no command of this name."""

    code = "unknown-command"
    remedy = "Check the spelling; `labtroupe show NAME` lists the commands."
    outcome = Outcome.NOT_SENT


class UnknownInstrumentError(CommandError):
    """The bench has no instrument of this name."""

    code = "unknown-instrument"
    remedy = "Check the spelling; `labtroupe status` lists the instruments."
    outcome = Outcome.NOT_SENT


class CommandRefused(CommandError):
    """The device understood the command and said no."""

    code = "refused"
    remedy = "The device is in order; ask for something it can do in its present state."
    outcome = Outcome.REFUSED


class NoAnswer(CommandError):
    """A device on a shared bus did not answer, now or when it was asked last, or not sensibly."""

    has_event = True
    code = "no-answer"
    remedy = "Check that the device is switched on, connected to the bus, and at this address."
    outcome = Outcome.UNKNOWN


class CommandTimeout(CommandError):
    """The command was not done by its deadline.

    Attributes:
        stage: ``"mailbox"`` if it never started, ``"running"`` if it had.
        elapsed: Seconds since it was asked.
    """

    code = "timeout"
    remedy = "Raise the timeout, or find out what keeps the instrument busy."
    outcome = Outcome.UNKNOWN

    def __init__(self, message: str, *, stage: str = "mailbox", elapsed: float = math.nan) -> None:
        super().__init__(message)
        self.stage = stage
        self.elapsed = elapsed


class CommandCancelled(CommandError):
    """The caller withdrew the command, or the actor was stopped under it."""

    code = "cancelled"
    remedy = "Ask again if it is still wanted; mind the outcome."
    outcome = Outcome.UNKNOWN


class CommandCrashed(CommandError):
    """The actor crashed while carrying out the command; ``__cause__`` says why."""

    code = "crashed"
    remedy = "This is a fault in the instrument's code; its traceback is the cause."
    outcome = Outcome.UNKNOWN


class MailboxFull(CommandError):
    """The mailbox has no room and the caller did not want to wait."""

    code = "mailbox-full"
    remedy = "Send more slowly, or use `ask`, which waits for room."
    outcome = Outcome.NOT_SENT


class NotRunning(CommandError):
    """The actor's state refuses the command now.

    Attributes:
        state: Its state, as `labtroupe.State` names it.
        retry_in: Seconds until its next start, ``None`` if none is planned.
    """

    code = "not-running"
    remedy = "Wait for it, or start it: `labtroupe start NAME`."
    outcome = Outcome.NOT_SENT

    def __init__(
        self,
        message: str,
        *,
        state: str = "stopped",
        retry_in: float | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.state = state
        self.retry_in = retry_in


class Halted(NotRunning):
    """The actor was halted, and refuses everything until a person resets it."""

    code = "halted"
    remedy = "See that the bench is safe, then let go of the latch: `labtroupe reset NAME --reason WHY`."

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message, state="halted", remedy=remedy)


class NotConnected(CommandError):
    """Instruments that somebody needs now are not there.

    Attributes:
        reasons: Why, in words, by the name of each that it is the fault of.
    """

    code = "not-connected"
    remedy = "See to what it names; `labtroupe tree` shows who is connected and why others are not."
    outcome = Outcome.NOT_SENT

    def __init__(
        self, message: str, *, reasons: Mapping[str, str] | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.reasons = dict(reasons or {})


class Deadlock(CommandError):
    """The answer would have to wait for the very command that asks for it."""

    code = "deadlock"
    remedy = "Do not ask, from within a command, an actor that waits for this one; let the caller ask both."
    outcome = Outcome.NOT_SENT


class Leased(CommandError):
    """Somebody else holds a lease of the actor, and has it for himself."""

    code = "leased"
    remedy = "Wait until the lease has ended, or take it over."
    outcome = Outcome.NOT_SENT


class Quarantined(CommandError):
    """The command has crashed the actor each time, and is not carried out until it is cleared."""

    code = "quarantined"
    remedy = "Mend the instrument's code, or its device; then `labtroupe clear NAME`."
    outcome = Outcome.NOT_SENT


class WrongState(CommandError):
    """What an operator wants of an actor does not apply to its present state.

    Attributes:
        state: That state, as `labtroupe.State` names it.
    """

    code = "wrong-state"
    remedy = "Look at its state first: `labtroupe status NAME`."
    outcome = Outcome.NOT_SENT

    def __init__(self, message: str, *, state: str = "running", remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.state = state


class TooManyChildren(CommandError):
    """The supervisor has as many children as it may have."""

    code = "too-many-children"
    remedy = "Remove one first, or allow the supervisor more."
    outcome = Outcome.NOT_SENT


class NotSimulated(CommandError):
    """The instrument has a real device, and faults are injected into simulated ones only."""

    code = "not-simulated"
    remedy = 'Give it an address that begins with "sim:", or pull its real cable.'
    outcome = Outcome.NOT_SENT


class Restarted(CommandError):
    """The actor went down while the command was queued; it never began."""

    code = "restarted"
    remedy = "Ask again: nothing of it was carried out."
    outcome = Outcome.NOT_SENT


class LinkError(LabtroupeError):
    """The connection to the device cannot be trusted; the supervisor decides."""

    code = "link"
    remedy = "The supervisor opens it again by itself; look at the cable if it stays."


class Unavailable(LinkError):
    """The device cannot be reached now, but may be later.

    To try again what never began is no restart: it does not count towards the
    restart limits.
    """

    code = "unavailable"
    remedy = "It is tried again by itself, with growing pauses."


class DeviceAbsent(Unavailable):
    """There is nothing to open at the address, or nobody there answers, at least nothing sensible."""

    code = "absent"
    remedy = "Check that the device is switched on, plugged in, and at this address."


class WrongDevice(Unavailable):
    """Somebody answers at the address, and it is another device than it has to be."""

    code = "wrong-device"
    remedy = "If it was exchanged on purpose, change its identity in the file, and run the bench anew."


class LinkLost(LinkError):
    """The connection broke, or could not be brought in step again."""

    code = "link-lost"


class DeviceSilent(LinkError):
    """While an answer was awaited nothing came, for as long as this device is declared never to be silent."""

    code = "silent"
    remedy = "Look whether the device hangs; if it is in order, declare a longer silence for it."


class PortInUse(Unavailable):
    """Somebody else holds the port."""

    code = "port-in-use"
    remedy = "Close the program that holds it, or use another port."


class ProtocolError(LinkError):
    """What came back is not an answer to what was asked."""

    code = "protocol"
    remedy = "Check that this is the right instrument, and its baud rate and framing."


class StartTimeout(LabtroupeError):
    """An actor was not ready for its first command in time; the supervisor decides."""

    code = "start-timeout"
    remedy = "Find out what its `on_start` waits for, or allow it more time."


class MissedTick(LabtroupeError):
    """Periodic work was still to be done when it was due again, which its class declares a failure."""

    code = "missed-tick"
    remedy = "Give it a longer period, or another policy for missed ticks."


class ConfigError(LabtroupeError):
    """The bench is described wrongly; the message names every mistake."""

    code = "config"
    remedy = "Correct the file; `labtroupe check FILE` lists every mistake in it."


class BenchError(LabtroupeError):
    """The bench cannot be started, or no running bench can be reached."""

    code = "bench"
    remedy = "Start it with `labtroupe run bench.toml`."


class RestartLimitError(LabtroupeError):
    """Restarting did not help; ``__cause__`` is the last failure."""

    code = "restart-limit"
    remedy = "Mend the cause, then start it: `labtroupe start NAME`."


class ChannelClosed(LabtroupeError):
    """What was sent over a channel goes nowhere: it is closed."""

    code = "channel-closed"
    remedy = "End what sends before that to which it reports."


class RunLogError(LabtroupeError):
    """The log of a run cannot be created, written or read."""

    code = "run-log"
    remedy = "Give it a path that is new, on a disk with room."


class RunAbandoned(LabtroupeError):
    """A procedure was cancelled and has not ended in time; its thread still runs, and can reach nothing."""

    code = "run-abandoned"
    remedy = "Have it wait with `run.sleep`, and call `run.sleep(0)` now and then in what takes long."


class InternalError(LabtroupeError):
    """A fault in labtroupe itself; whether the device has acted is unknown."""

    code = "internal"
    remedy = "Please report it, with the traceback that the bench has printed."
    outcome = Outcome.UNKNOWN
