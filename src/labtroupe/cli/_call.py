"""``labtroupe call``: one command of one instrument."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

import click

from labtroupe.cli._options import Output, bench_option, connect, output_option
from labtroupe.cli._output import as_json, on_terminal, print_json, print_json_lines
from labtroupe.cli._printable import printable
from labtroupe.records import CallResult

_NEGATIVE: Final = re.compile(r"-(\d|\.\d|inf\b)", re.IGNORECASE)
_BY_NAME: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
# Marks a word as a value, whatever it looks like, until click has found the
# options.  No argument of a process can contain it.
_VALUE: Final = "\0"


class _CommandWithValues(click.Command):
    """A command whose values may look like options: ``-40`` is one, and so is all after ``--``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Mark what is a value, and leave the rest to click."""
        end = args.index("--") if "--" in args else len(args)
        marked = [_VALUE + word if _NEGATIVE.match(word) else word for word in args[:end]]
        return super().parse_args(ctx, marked + [_VALUE + word for word in args[end + 1 :]])


def _unmark(_context: click.Context, _parameter: click.Parameter, word: str) -> str:
    return word.removeprefix(_VALUE)


def _to_seconds(_context: click.Context, _parameter: click.Parameter, word: str | None) -> float | None:
    if word is None:
        return None
    text = word.removeprefix(_VALUE)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise click.BadParameter(f"{text!r} is not a number of seconds above 0")
    return seconds


@click.command(cls=_CommandWithValues)
@click.argument("name", callback=_unmark)
@click.argument("command", callback=_unmark)
@click.argument("values", nargs=-1, metavar="[VALUE]... [KEY=VALUE]...")
@click.option(
    "--timeout",
    callback=_to_seconds,
    metavar="SECONDS",
    help="How long it may take; the command's own timeout where not given.",
)
@output_option
@bench_option
def call(  # noqa: PLR0913, PLR0917 - click passes each argument and option by itself
    name: str, command: str, values: Sequence[str], timeout: float | None, output: Output, bench: str | None
) -> None:
    """Ask the instrument NAME for COMMAND, and print its answer.

    Values are given in order or by name: `labtroupe call heater ramp -40 rate=5`.  What
    follows `--` is taken as it is.  `labtroupe show NAME` lists the commands.

    In a pipe the bare value is printed, on a terminal its unit too.  Ctrl-C cancels the command.
    """
    client = connect(bench)
    try:
        result = client.call(name, command, *_split(values), timeout=timeout)
    except KeyboardInterrupt:
        print(f"\nlabtroupe: {name}: {command} was cancelled; the device may have acted", file=sys.stderr)
        raise
    match output:
        case Output.JSON:
            print_json(result)
        case Output.JSONL:
            print_json_lines([result])
        case Output.TABLE:
            for line in _lines(result):
                print(line)


def _split(values: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Tell the values by position from those by name."""
    matches = [(value, _BY_NAME.fullmatch(value)) for value in values]
    args = [value.removeprefix(_VALUE) for value, by_name in matches if by_name is None]
    return args, {by_name[1]: by_name[2] for _, by_name in matches if by_name is not None}


def _lines(result: CallResult) -> Iterator[str]:
    """Yield the answer as people read it, with what pipes do without on a terminal only."""
    unit = f" {result.unit}" if result.unit and on_terminal() else ""
    value = result.value
    match value:
        case None:
            yield from ["done"] if on_terminal() else []
        case dict():
            fields = cast("Mapping[str, object]", value)
            width = max(map(len, fields), default=0)
            yield from (f"{name:{width}}  {_text(each)}" for name, each in fields.items())
        case list():
            yield from (_text(each) + unit for each in cast("list[object]", value))
        case _:
            yield _text(value) + unit


def _text(value: object) -> str:
    if isinstance(value, str):
        return printable(value) if on_terminal() else value
    return as_json(value)
