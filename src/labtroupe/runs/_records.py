"""The records of a run's log: one that begins it, those of what happened, and exactly one that ends it."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from labtroupe.errors import Outcome


class How(enum.StrEnum):
    """How a run has ended."""

    DONE = "done"
    """Its procedure has returned."""
    FAILED = "failed"
    """Its procedure has raised an error."""
    CANCELLED = "cancelled"
    """It was cancelled, and its procedure has ended because of that."""
    ABANDONED = "abandoned"
    """It was cancelled, and its procedure has not ended in time; its thread may run still."""
    CRASHED = "crashed"
    """Not its procedure failed, but what runs it."""
    INTERRUPTED = "interrupted"
    """Its log has no end: its process was killed, or it is still running."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    time: float


class Begin(_Record, frozen=True, kw_only=True, tag="begin"):
    """What runs; the first record of each log.

    Attributes:
        time: When, in seconds since 1970 (UTC).
        procedure: Where the procedure is: its module and its name.
        args: What it was given by position, besides the run.
        kwargs: What it was given by name.
        bench: The name of the bench.
        version: That of labtroupe.
    """

    procedure: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    bench: str
    version: str


class Report(_Record, frozen=True, kw_only=True, tag="report"):
    """What a procedure has reported.

    Attributes:
        time: When, in seconds since 1970 (UTC).
        name: What it is about.
        data: The values that go with it.
    """

    name: str
    data: Mapping[str, Any]


class CommandRecord(_Record, frozen=True, kw_only=True, tag="command"):
    """A command that a procedure gave, once it has ended.

    Attributes:
        time: When it ended, in seconds since 1970 (UTC).
        seconds: How long it took.
        instrument: Whom it was for.
        command: What it was.
        outcome: What became of it, ``None`` where nobody knows of anything sent.
        value: The answer.
        reason: Why it was not done, in words; empty if it was.
        code: That of its error; empty if it was done.
    """

    seconds: float
    instrument: str
    command: str
    outcome: Outcome | None = None
    value: Any = None
    reason: str = ""
    code: str = ""


class End(_Record, frozen=True, kw_only=True, tag="end"):
    """How it has ended; the last record of each log that has an end.

    Attributes:
        time: When, in seconds since 1970 (UTC).
        how: In one word.
        records: How many there are before this one, the first included.
        reason: Why, in words; empty if it is done.
        code: That of the error, or the error's class where it has none.
    """

    how: How
    records: int
    reason: str = ""
    code: str = ""


Record = Begin | Report | CommandRecord | End

_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode(record: Record) -> bytes:
    """Return the line that says it."""
    return msgspec.json.encode(record) + b"\n"


def decode(line: bytes) -> Record:
    """Read a line.

    Raises:
        msgspec.DecodeError: It says no record.
    """
    return _decoder.decode(line)
