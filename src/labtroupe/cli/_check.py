"""``labtroupe check``: every mistake in a bench's file."""

from __future__ import annotations

import attrs
import click

from labtroupe.bench import BenchConfigError, load_bench
from labtroupe.cli._exit_codes import OK, USAGE
from labtroupe.cli._modules import make_importable_beside
from labtroupe.cli._options import Output, output_option
from labtroupe.cli._output import print_json, print_json_lines


@click.command()
@click.argument("file", metavar="BENCH.TOML")
@output_option
def check(file: str, output: Output) -> int:
    """Find every mistake in a bench's file, one line each; touches no device."""
    make_importable_beside(file)
    try:
        count = len(load_bench(file).instruments)
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
            print_json({"file": file, "mistakes": [], "instruments": count})
        case Output.JSONL:
            pass
        case Output.TABLE:
            print(f"{file}: ok, {count} instrument{'' if count == 1 else 's'}")
    return OK
