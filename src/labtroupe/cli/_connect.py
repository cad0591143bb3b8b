"""``labtroupe connect``: have instruments connected, and see that their devices answer."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from labtroupe.cli._exit_codes import NO_BENCH, OK
from labtroupe.cli._options import Output, bench_option, output_option
from labtroupe.cli._options import connect as find
from labtroupe.cli._output import print_json, print_json_lines


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--force", is_flag=True, help="Give those that run a new life, with a new connection.")
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to wait for all of them.")
@output_option
@bench_option
def connect(
    names: Sequence[str], output: Output, bench: str | None, *, force: bool, timeout: float | None
) -> int:
    """Have the instruments NAME connected, or all that are to be, and see that their devices answer.

    One that was stopped or has failed is started; one that backs off is tried at once.
    Exits with 3 if not all are connected then.
    """
    client = find(bench)
    began = time.monotonic()
    report = client.connect(names or None, force=force, timeout=timeout)
    if report.connected:
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
        report = client.ensure_connected(names or None, timeout=left)
    match output:
        case Output.JSON:
            print_json(report)
        case Output.JSONL:
            print_json_lines(report.connections)
        case Output.TABLE:
            print(report)
    return OK if report.connected else NO_BENCH
