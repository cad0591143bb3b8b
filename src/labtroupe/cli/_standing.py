"""How an instrument stands, in words: the notes of ``labtroupe status``, the lines of ``labtroupe show``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import cast

from labtroupe.cli._output import as_json
from labtroupe.lifecycle import State
from labtroupe.records import InstrumentStatus, LatchStatus, ReadingStatus

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def span(seconds: float) -> str:
    """Return a span of time in two or three digits, such as ``0.3 s`` or ``12 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - where a digit more says nothing
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} d"


def notes(each: InstrumentStatus) -> Iterator[str]:
    """Yield what is to be known at a glance, nothing for one that is well and has nothing to do."""
    if each.latch is not None:
        yield each.note
        yield _safety(each.latch)
    elif each.retry_in is not None:
        yield f"next try in {each.retry_in:.1f} s: {each.note}"
    elif each.note:
        yield each.note
    if each.changed is not None and each.latch is None:
        yield f"returned, changed, {span(each.changed)} ago"
    if each.stale is not None:
        yield f"stale: not heard for {span(each.stale)}"
    if each.state is not State.RUNNING and each.restarts.streak > 1:
        away = "" if each.down is None else f", not connected for {span(each.down)}"
        yield f"failed {each.restarts.streak} times in a row{away}"
    yield from _limits(each)
    if each.current is not None and each.elapsed is not None:
        yield f"busy for {span(each.elapsed)}: {each.current}"
    yield from (f"fault: {fault}" for fault in each.faults)


def lines(each: InstrumentStatus) -> Iterator[str]:
    """Yield all that is known of what it does."""
    yield f"{each.state} for {span(each.since)}, life {each.life}{f': {each.note}' if each.note else ''}"
    if each.latch is not None:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each.latch.time))
        yield f"halted since {since}: {each.latch.reason}; {_safety(each.latch)}"
    if each.changed is not None:
        yield f"returned, changed, {span(each.changed)} ago: its device had lost its settings"
    if each.stale is not None:
        yield f"stale: its device has not been heard for {span(each.stale)}"
    yield from _limits(each)
    restarts = each.restarts
    yield (
        f"{restarts.lately} of {restarts.allowed} restarts in {restarts.seconds:g} s,"
        f" {restarts.streak} failure{'' if restarts.streak == 1 else 's'} in a row"
    )
    if each.current is not None and each.elapsed is not None:
        yield f"busy for {span(each.elapsed)}: {each.current}"
    for request in each.queue:
        yield f"waits for {span(request.age)}: {request.command}{' (urgent)' if request.urgent else ''}"
    width = max((len(reading.name) for reading in each.readings), default=0)
    yield from (f"{reading.name:{width}}  {_reading(reading)}" for reading in each.readings)
    if each.stack:
        yield "was told to stop and does not; it is here:"
        yield from each.stack.splitlines()


def _limits(each: InstrumentStatus) -> Iterator[str]:
    """Yield what it does not take at present."""
    if each.suspended:
        yield "suspended"
    if each.quarantined:
        yield f"in quarantine: {', '.join(each.quarantined)}"
    if each.leased_by:
        yield f"leased by {each.leased_by}"


def _safety(latch: LatchStatus) -> str:
    if latch.confirmed:
        return "safe state confirmed"
    return f"safe state not confirmed{f': {latch.note}' if latch.note else ''}"


def _reading(reading: ReadingStatus) -> str:
    if reading.age is None:
        return "never taken"
    unit = f" {reading.unit}" if reading.unit else ""
    return f"{_value(reading.value)}{unit}, {reading.quality}, {span(reading.age)} ago"


def _value(value: object) -> str:
    match value:
        case str():
            return value
        case dict():
            fields = cast("Mapping[str, object]", value)
            return " ".join(f"{name}={_value(each)}" for name, each in fields.items())
        case _:
            return as_json(value)
