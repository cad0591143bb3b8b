"""What a bench answers, as values.

The fields are those of `labtroupe.control`, which imports trio.  They are msgspec's
structs, because attrs alone would take a sixth of the time `labtroupe status` has.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from labtroupe.errors import Outcome
from labtroupe.lifecycle import State


class InstrumentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument at one moment; all times in seconds.

    Attributes:
        state: What it is doing.
        since: How long it has been in this state.
        note: Why, and what is next, in words; empty for a running one.
        retry_in: Until its next start, if it backs off.
        life: Number of its present or last life.
        last_ok: Since a command was last done; ``None`` for never.
        wire: ``"in step"``, ``"suspect"``, or ``"-"`` when it is not running.
        mailbox: How many requests wait.
        capacity: How many its mailbox holds.
        current: The command it carries out now, ``None`` for none.
        elapsed: How long that has been running or waiting since it was asked.
        depends_on: The instruments that must be running while it is.
        faults: The faults in force at its simulated device.
    """

    name: str
    kind: str
    address: str
    simulated: bool
    state: State
    since: float
    note: str
    retry_in: float | None
    life: int
    last_ok: float | None
    wire: str
    mailbox: int
    capacity: int
    current: str | None
    elapsed: float | None
    depends_on: tuple[str, ...]
    faults: tuple[str, ...]


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
    """

    name: str
    kind: str
    address: str
    simulated: bool
    summary: str
    depends_on: tuple[str, ...]
    commands: tuple[CommandInfo, ...]


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command in the types of JSON, with its unit where it has one."""

    value: object
    unit: str


class VerbResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator's verb came to: the state before and after it."""

    instrument: str
    before: State
    after: State
    note: str


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened.

    Attributes:
        kind: A stable name for programs.
        text: What happened, in one sentence.
        instrument: Whom it happened to; empty for the bench itself.
        time: When, in seconds since 1970 (UTC).
        fields: All it says, those above included, in the types of JSON.
    """

    kind: str
    text: str
    instrument: str
    time: float
    fields: Mapping[str, object] = {}


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer, as a `labtroupe.errors.LabtroupeError` says it."""

    code: str
    message: str
    remedy: str
    instrument: str | None
    outcome: Outcome | None
