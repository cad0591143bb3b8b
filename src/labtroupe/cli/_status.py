"""``labtroupe status``: what the instruments are doing."""

from __future__ import annotations

import click

from labtroupe.cli._exit_codes import NO_BENCH, OK
from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines
from labtroupe.cli._standing import notes, span
from labtroupe.lifecycle import State
from labtroupe.records import BenchStatus, InstrumentStatus

_HEADS = ("device", "state", "last ok", "wire", "mailbox", "note")


@click.command()
@click.argument("name", required=False)
@output_option
@bench_option
def status(name: str | None, output: Output, bench: str | None) -> int:
    """Show what the instruments are doing, all or the one named NAME.

    Exits with 3 if one of them is not running, save those that start on demand and are not in use.
    """
    found = connect(bench).status(name)
    match output:
        case Output.JSON:
            print_json(found)
        case Output.JSONL:
            print_json_lines(found.instruments)
        case Output.TABLE:
            _print_table(found)
    fine = all(each.state is State.RUNNING or each.unused for each in found.instruments)
    return OK if fine else NO_BENCH


def _print_table(found: BenchStatus) -> None:
    from labtroupe.cli._table import print_table  # noqa: PLC0415 - rich, which JSON does without

    running = sum(each.state is State.RUNNING for each in found.instruments)
    unused = sum(each.unused for each in found.instruments)
    on_demand = f", {unused} on demand" if unused else ""
    print(f"{found.bench}: {running} of {len(found.instruments)} running{on_demand}")
    print_table(_HEADS, map(_row, found.instruments))


def _row(each: InstrumentStatus) -> tuple[str, ...]:
    return (
        f"{each.name} (sim)" if each.simulated else each.name,
        each.state,
        "never" if each.last_ok is None else span(each.last_ok),
        each.wire,
        f"{each.mailbox}/{each.capacity}",
        "; ".join(notes(each)),
    )
