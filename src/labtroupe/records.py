"""What a bench says of its instruments, as values: the same in its process and over its socket.

They are msgspec's structs, because attrs alone would take a sixth of the time `labtroupe status` has.
"""

from __future__ import annotations

import msgspec

from labtroupe.lifecycle import State


class LatchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Why an instrument is halted.

    Attributes:
        reason: Why, in words.
        time: Since when, in seconds since 1970 (UTC); it may be longer than the bench runs.
        confirmed: Whether its safe state has been reached since.
        note: Why not, in words, once that is known.
    """

    reason: str
    time: float
    confirmed: bool
    note: str


class RestartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How near an instrument is to being given up.

    Attributes:
        streak: Failures in a row since it was last healthy.
        lately: Restarts within the last ``seconds``; those of its group, where that restarts together.
        allowed: How many there may be.
        seconds: The time in which they are counted.
    """

    streak: int
    lately: int
    allowed: int
    seconds: float


class RequestStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits.

    Attributes:
        command: What is asked.
        age: Seconds since it was asked.
        urgent: Whether it overtakes those that are not.
    """

    command: str
    age: float
    urgent: bool


class ReadingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The last answer of a reading.

    Attributes:
        value: The answer in the types of JSON; ``None`` before the first.
        unit: Its unit; empty for none.
        age: Seconds since it came; ``None`` before the first.
        quality: Whether it says what is so now: ``good``, ``stale``, ``lost`` (its
            instrument does not run) or ``none``.
    """

    name: str
    value: object
    unit: str
    age: float | None
    quality: str


class InstrumentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument at one moment; all times in seconds.

    Attributes:
        state: What it is doing.
        since: How long it has been in this state.
        down: How long it has not been running; ``None`` if it is.
        note: Why, and what is next, in words; empty for a running one.
        retry_in: Until its next start, if it backs off.
        life: Number of its present or last life.
        last_ok: Since a command was last done; ``None`` for never.
        stale: Since its device was last heard, if that is too long ago for a running one; otherwise ``None``.
        changed: Since its device came back without its settings, if none was set since; else ``None``.
        wire: ``"in step"``, ``"busy"`` with a command, ``"suspect"``, or ``"-"`` when it is not running.
        mailbox: How many requests wait.
        capacity: How many its mailbox holds.
        current: The command it carries out now, ``None`` for none.
        elapsed: How long that has been running or waiting since it was asked.
        depends_on: The instruments that must be running while it is.
        faults: The faults in force at its simulated device.
        latch: Why it is halted; ``None`` if it is not.
        suspended: Whether it takes no more commands until it is resumed.
        quarantined: Commands that are not carried out until they are cleared.
        leased_by: Who has it for himself; empty for nobody.
        unused: It starts on demand, and nothing has been asked of it yet.
        restarts: What failed before.
        queue: The requests that wait, in the order in which they are taken.
        readings: The last answers that are kept.
        stack: Where its tasks are, if it was told to stop and does not; otherwise empty.
    """

    name: str
    kind: str
    address: str
    simulated: bool
    state: State
    since: float
    down: float | None
    note: str
    retry_in: float | None
    life: int
    last_ok: float | None
    stale: float | None
    changed: float | None
    wire: str
    mailbox: int
    capacity: int
    current: str | None
    elapsed: float | None
    depends_on: tuple[str, ...]
    faults: tuple[str, ...]
    latch: LatchStatus | None
    suspended: bool
    quarantined: tuple[str, ...]
    leased_by: str
    unused: bool
    restarts: RestartStatus
    queue: tuple[RequestStatus, ...]
    readings: tuple[ReadingStatus, ...]
    stack: str


class BenchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A whole bench at one moment, or some of its instruments."""

    bench: str
    instruments: tuple[InstrumentStatus, ...]


class ParameterInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One argument of a command.

    Attributes:
        type: What it must be, in words.
        limits: Its limits in words, such as ``between -200 and 600``; empty for none.
        unit: Its unit; empty for none.
        required: Whether it must be given.
        default: What it is otherwise.
    """

    name: str
    type: str
    limits: str
    unit: str
    required: bool
    default: object


class CommandInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One command of an instrument.

    Attributes:
        summary: The first line of its docstring.
        returns: What it returns, in words; empty for nothing.
        unit: The unit of what it returns; empty for none.
        timeout: Seconds it may take unless its caller says otherwise; ``None`` for no limit.
        idempotent: Whether carrying it out twice does no harm.
    """

    name: str
    summary: str
    parameters: tuple[ParameterInfo, ...]
    returns: str
    unit: str
    timeout: float | None
    idempotent: bool


class InstrumentDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What an instrument is, and what it can be asked.

    Attributes:
        summary: The first line of its class's docstring.
        status: What it is doing.
    """

    name: str
    kind: str
    address: str
    simulated: bool
    summary: str
    depends_on: tuple[str, ...]
    commands: tuple[CommandInfo, ...]
    status: InstrumentStatus


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command in the types of JSON, with its unit where it has one."""

    value: object
    unit: str


class VerbResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator's verb came to.

    Attributes:
        instrument: Whom it was about.
        before: Its state before.
        after: Its state now.
        changed: Whether anything was changed by it: what was so already is no error.
        done: Whether the instrument is now as the verb wants it.
        note: More about it, in words; may be empty.
    """

    instrument: str
    before: State
    after: State
    changed: bool
    done: bool
    note: str


class SafetyReport(msgspec.Struct, frozen=True):
    """Whether an instrument that was halted is in its safe state.

    Attributes:
        instrument: Its name.
        confirmed: Its safe state was reached; nothing else is known to be safe.
        reason: Why it is not confirmed, in words.
    """

    instrument: str
    confirmed: bool
    reason: str = ""


class HaltResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a halt came to; all of its instruments are halted, whatever else it says.

    Attributes:
        reports: Whether each is known to be in its safe state.
        not_kept: Why they are not halted any more if the bench's process is started
            again, in words; empty if they are.
    """

    reports: tuple[SafetyReport, ...]
    not_kept: str
