"""``labtroupe status``: what the instruments are doing."""

from __future__ import annotations

from collections.abc import Iterator

import click

from labtroupe.cli._exit_codes import NO_BENCH, OK
from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines
from labtroupe.client import BenchStatus, InstrumentStatus
from labtroupe.lifecycle import State

_HEADS = ("device", "state", "last ok", "wire", "mailbox", "note")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@click.command()
@click.argument("name", required=False)
@output_option
@bench_option
def status(name: str | None, output: Output, bench: str | None) -> int:
    """Show what the instruments are doing, all or the one named NAME.

    Exits with 3 if one of them is not running.
    """
    found = connect(bench).status(name)
    match output:
        case Output.JSON:
            print_json(found)
        case Output.JSONL:
            print_json_lines(found.instruments)
        case Output.TABLE:
            _print_table(found)
    return OK if all(each.state is State.RUNNING for each in found.instruments) else NO_BENCH


def _print_table(found: BenchStatus) -> None:
    from labtroupe.cli._table import print_table  # noqa: PLC0415 - rich, which JSON does without

    running = sum(each.state is State.RUNNING for each in found.instruments)
    print(f"{found.bench}: {running} of {len(found.instruments)} running")
    print_table(_HEADS, map(_row, found.instruments))


def _row(each: InstrumentStatus) -> tuple[str, ...]:
    return (
        f"{each.name} (sim)" if each.simulated else each.name,
        each.state,
        "never" if each.last_ok is None else span(each.last_ok),
        each.wire,
        f"{each.mailbox}/{each.capacity}",
        "; ".join(_notes(each)),
    )


def _notes(each: InstrumentStatus) -> Iterator[str]:
    if each.retry_in is not None:
        yield f"next try in {each.retry_in:.1f} s: {each.note}"
    elif each.note:
        yield each.note
    if each.current is not None and each.elapsed is not None:
        yield f"busy for {span(each.elapsed)}: {each.current}"
    yield from (f"fault: {fault}" for fault in each.faults)


def span(seconds: float) -> str:
    """Return a span of time in two or three digits, such as ``0.3 s`` or ``12 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - where a digit more says nothing
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} d"
