"""``labtroupe check``: every mistake in a bench's file."""

from __future__ import annotations

from collections.abc import Sized

import attrs
import click

from labtroupe.bench import BenchConfigError, load_bench, simulated
from labtroupe.cli._exit_codes import OK, USAGE
from labtroupe.cli._modules import make_importable_beside
from labtroupe.cli._options import Output, output_option
from labtroupe.cli._output import print_json, print_json_lines


@click.command()
@click.argument("file", metavar="BENCH")
@click.option("--simulate", is_flag=True, help="See also that the whole bench can be simulated.")
@output_option
def check(file: str, output: Output, *, simulate: bool) -> int:
    """Find every mistake in what describes a bench, one line each; touches no device.

    BENCH is as for `labtroupe run`.
    """
    make_importable_beside(file)
    try:
        bench = simulated(load_bench(file)) if simulate else load_bench(file)
    except BenchConfigError as error:
        mistakes = [attrs.asdict(each) for each in error.mistakes]
        match output:
            case Output.JSON:
                print_json({"file": file, "mistakes": mistakes})
            case Output.JSONL:
                print_json_lines(mistakes)
            case Output.TABLE:
                print("\n".join(map(str, error.mistakes)))
        return USAGE
    match output:
        case Output.JSON:
            counts = {"instruments": len(bench.instruments), "groups": len(bench.groups)}
            print_json({"file": file, "mistakes": [], **counts})
        case Output.JSONL:
            pass
        case Output.TABLE:
            groups = f", {_count(bench.groups, 'group')}" if bench.groups else ""
            can = ", and all can be simulated" if simulate else ""
            print(f"{file}: ok, {_count(bench.instruments, 'instrument')}{groups}{can}")
    return OK


def _count(things: Sized, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
