"""``labtroupe start``, ``stop`` and their like: what an operator tells one instrument."""

from __future__ import annotations

import click

from labtroupe.cli._exit_codes import FAILED, OK
from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines
from labtroupe.records import VerbResult


@click.command()
@click.argument("name")
@output_option
@bench_option
def start(name: str, output: Output, bench: str | None) -> int:
    """Start the instrument NAME if it is stopped or has failed; if it backs off, try again now.

    Exits with 1 if it does not run then.
    """
    return _print_result(connect(bench).start(name), output)


@click.command()
@click.argument("name")
@output_option
@bench_option
def stop(name: str, output: Output, bench: str | None) -> int:
    """Stop the instrument NAME, and those that depend on it, until somebody starts it.

    Exits with 1 if it has not stopped then.
    """
    return _print_result(connect(bench).stop(name), output)


@click.command()
@click.argument("name")
@output_option
@bench_option
def restart(name: str, output: Output, bench: str | None) -> int:
    """Stop the instrument NAME and start it again; what failed before is forgiven.

    Exits with 1 if it does not run then.
    """
    return _print_result(connect(bench).restart(name), output)


@click.command()
@click.argument("name")
@output_option
@bench_option
def suspend(name: str, output: Output, bench: str | None) -> int:
    """Let the instrument NAME finish what it does, and take nothing more, until `resume`.

    What waits in its mailbox goes on waiting.
    """
    return _print_note(connect(bench).suspend(name), output)


@click.command()
@click.argument("name")
@output_option
@bench_option
def resume(name: str, output: Output, bench: str | None) -> int:
    """Let the instrument NAME, which was suspended, take commands again."""
    return _print_note(connect(bench).resume(name), output)


@click.command()
@click.argument("name")
@output_option
@bench_option
def clear(name: str, output: Output, bench: str | None) -> int:
    """Let the instrument NAME carry out again what is in quarantine.

    That is what has crashed it again and again.
    """
    return _print_note(connect(bench).clear(name), output)


def _print_result(result: VerbResult, output: Output) -> int:
    note = f": {result.note}" if result.note else ""
    return _print(result, output, f"{result.after}, was {result.before}{note}")


def _print_note(result: VerbResult, output: Output) -> int:
    """Print what came of a verb that leaves the state as it is."""
    return _print(result, output, result.note)


def _print(result: VerbResult, output: Output, text: str) -> int:
    match output:
        case Output.JSON:
            print_json(result)
        case Output.JSONL:
            print_json_lines([result])
        case Output.TABLE:
            print(f"{result.instrument}: {text}")
    return OK if result.done else FAILED
