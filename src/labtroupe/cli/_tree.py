"""``labtroupe tree``: which instruments depend on which."""

from __future__ import annotations

from collections.abc import Sequence

import click

from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines
from labtroupe.cli._table import Node, print_tree
from labtroupe.records import InstrumentStatus


@click.command()
@output_option
@bench_option
def tree(output: Output, bench: str | None) -> None:
    """Show which instruments depend on which: each below what it needs.

    One that needs several is below the first of them.
    """
    found = connect(bench).status()
    links = [
        {"name": each.name, "state": each.state, "depends_on": each.depends_on} for each in found.instruments
    ]
    match output:
        case Output.JSON:
            print_json({"bench": found.bench, "instruments": links})
        case Output.JSONL:
            print_json_lines(links)
        case Output.TABLE:
            roots = [each for each in found.instruments if not each.depends_on]
            print_tree(Node([found.bench], [_node(each, found.instruments) for each in roots]))


def _node(instrument: InstrumentStatus, everyone: Sequence[InstrumentStatus]) -> Node:
    name, others = instrument.name, instrument.depends_on[1:]
    words = [f"{name} (sim)" if instrument.simulated else name, instrument.state, instrument.kind]
    if instrument.suspended:
        words.append("suspended")
    if others:
        words.append(f"needs {', '.join(others)} too")
    dependents = [each for each in everyone if each.depends_on[:1] == (name,)]
    return Node(words, [_node(each, everyone) for each in dependents])
