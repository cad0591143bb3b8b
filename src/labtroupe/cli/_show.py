"""``labtroupe show``: what an instrument does, and what it can be asked."""

from __future__ import annotations

from collections.abc import Iterator

import click

from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import as_json, print_json, print_json_lines, wants_colour
from labtroupe.cli._printable import printable
from labtroupe.cli._standing import lines
from labtroupe.records import CommandInfo, InstrumentDescription, ParameterInfo


@click.command()
@click.argument("name")
@output_option
@bench_option
def show(name: str, output: Output, bench: str | None) -> None:
    """Show what the instrument NAME does, and what it can be asked.

    The first is its state, restarts, readings and what waits in its mailbox; the second its
    commands with their arguments, limits and units.  It is not asked for any of this.
    """
    found = connect(bench).describe(name)
    match output:
        case Output.JSON:
            print_json(found)
        case Output.JSONL:
            print_json_lines(found.commands)
        case Output.TABLE:
            print("\n".join(_lines(found)))


def _lines(found: InstrumentDescription) -> Iterator[str]:
    yield f"{found.name}: {found.kind} at {found.address}{' (simulated)' if found.simulated else ''}"
    if found.summary:
        yield f"  {found.summary}"
    if found.depends_on:
        yield f"  Needs {', '.join(found.depends_on)}."
    yield from (f"  {printable(line)}" for line in lines(found.status))
    for command in found.commands:
        yield ""
        yield from _command_lines(command)


def _command_lines(command: CommandInfo) -> Iterator[str]:
    name = click.style(command.name, bold=True) if wants_colour() else command.name
    returns = " ".join(part for part in (command.returns, command.unit) if part)
    yield " ".join([name, *map(_usage, command.parameters)]) + (f" -> {returns}" if returns else "")
    if command.summary:
        yield f"    {command.summary}"
    width = max((len(each.name) for each in command.parameters), default=0)
    for each in command.parameters:
        yield f"    {each.name:{width}}  {_parameter(each)}"


def _usage(each: ParameterInfo) -> str:
    return each.name.upper() if each.required else f"[{each.name.upper()}]"


def _parameter(each: ParameterInfo) -> str:
    text = " ".join(part for part in (each.type, each.limits, each.unit) if part)
    return text if each.required else f"{text}; {as_json(each.default)} if not given"
