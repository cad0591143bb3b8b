"""``labtroupe events``: what has happened, and what happens."""

from __future__ import annotations

from contextlib import closing

import click

from labtroupe.cli._event_line import EventLines
from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines, wants_colour


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C or the bench ends.")
@click.option("--instrument", metavar="NAME", help="Only what happened to this instrument.")
@output_option
@bench_option
def events(*, follow: bool, instrument: str | None, output: Output, bench: str | None) -> None:
    """Show what has happened, as far as the bench remembers: the latest 2000 events."""
    if follow and output is Output.JSON:
        raise click.UsageError(
            "--follow has no end, as a document must; use -o jsonl", click.get_current_context()
        )
    with closing(connect(bench).events(follow=follow, instrument=instrument)) as found:
        match output:
            case Output.JSON:
                print_json([event.fields for event in found])
            case Output.JSONL:
                print_json_lines(event.fields for event in found)
            case Output.TABLE:
                lines = EventLines(colour=wants_colour())
                for each in found:
                    line = lines.line(
                        kind=each.kind, text=each.text, instrument=each.instrument, moment=each.time
                    )
                    print(line, flush=follow)
