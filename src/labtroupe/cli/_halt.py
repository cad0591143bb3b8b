"""``labtroupe halt`` and ``reset``: the stop that does not queue, and the way out of it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from labtroupe.cli._errors import report
from labtroupe.cli._exit_codes import FAILED, OK
from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import print_json, print_json_lines
from labtroupe.errors import LabtroupeError
from labtroupe.records import HaltResult, SafetyReport


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All instruments of the bench.")
@click.option("--reason", default="", metavar="WHY", help="Why; shown wherever something is refused for it.")
@output_option
@bench_option
def halt(names: Sequence[str], *, everything: bool, reason: str, output: Output, bench: str | None) -> int:
    """Halt the instruments named NAME, or --all: nothing of theirs begins any more until `reset`.

    What runs is cut off, what waits is refused, and each is brought into its safe state.
    Exits with 1 unless all of them are known to be in it; they are halted all the same.
    """
    if bool(names) is everything:
        raise click.UsageError("say which: either names or --all", click.get_current_context())
    result = connect(bench).halt(None if everything else names, reason)
    match output:
        case Output.JSON:
            print_json(result)
        case Output.JSONL:
            print_json_lines(result.reports)
        case Output.TABLE:
            print("\n".join(map(_line, result.reports)))
    return _exit_code(result, output)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--reason", required=True, metavar="WHY", help="Why it is safe now; it is kept as an event.")
@output_option
@bench_option
def reset(names: Sequence[str], *, reason: str, output: Output, bench: str | None) -> None:
    """Let the instruments named NAME, which were halted, go on.

    See that the bench is safe first: what was asked before is not carried out, but whatever
    is asked from now on is.
    """
    results = connect(bench).reset(names, reason)
    match output:
        case Output.JSON:
            print_json(results)
        case Output.JSONL:
            print_json_lines(results)
        case Output.TABLE:
            for each in results:
                print(f"{each.instrument}: {each.note}")


def _line(each: SafetyReport) -> str:
    return f"{each.instrument}: {'confirmed' if each.confirmed else f'not confirmed: {each.reason}'}"


def _exit_code(result: HaltResult, output: Output) -> int:
    confirmed = all(each.confirmed for each in result.reports)
    if not result.not_kept:
        return OK if confirmed else FAILED
    error = LabtroupeError(
        f"halted, but not any more if the bench's process is started again: {result.not_kept}",
        remedy="Make room for that file, and halt again.",
    )
    return report(error, as_json=output is not Output.TABLE)
