"""``labtroupe start``, ``stop`` and ``restart``: what an operator tells an instrument."""

from __future__ import annotations

import click

from labtroupe.cli._exit_codes import FAILED, OK
from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines
from labtroupe.client import VerbResult
from labtroupe.lifecycle import State


@click.command()
@click.argument("name")
@output_option
@bench_option
def start(name: str, output: Output, bench: str | None) -> int:
    """Start the instrument NAME if it is stopped or has failed; if it backs off, try again now.

    Exits with 1 if it does not run then.
    """
    return _print_result(connect(bench).start(name), output, wanted=State.RUNNING)


@click.command()
@click.argument("name")
@output_option
@bench_option
def stop(name: str, output: Output, bench: str | None) -> int:
    """Stop the instrument NAME, and those that depend on it, until somebody starts it.

    Exits with 1 if it has not stopped then.
    """
    return _print_result(connect(bench).stop(name), output, wanted=State.STOPPED)


@click.command()
@click.argument("name")
@output_option
@bench_option
def restart(name: str, output: Output, bench: str | None) -> int:
    """Stop the instrument NAME and start it again; what failed before is forgiven.

    Exits with 1 if it does not run then.
    """
    return _print_result(connect(bench).restart(name), output, wanted=State.RUNNING)


def _print_result(result: VerbResult, output: Output, *, wanted: State) -> int:
    match output:
        case Output.JSON:
            print_json(result)
        case Output.JSONL:
            print_json_lines([result])
        case Output.TABLE:
            note = f": {result.note}" if result.note else ""
            print(f"{result.instrument}: {result.after}, was {result.before}{note}")
    return OK if result.after is wanted else FAILED
