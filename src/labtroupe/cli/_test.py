"""``labtroupe test``: try a driver with all that goes wrong with devices."""

from __future__ import annotations

import logging
import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

import attrs
import click

from labtroupe.bench import find_driver
from labtroupe.cli._exit_codes import FAILED, OK
from labtroupe.cli._modules import make_importable_beside
from labtroupe.cli._options import Output, output_option
from labtroupe.cli._output import print_json, print_json_lines, wants_colour
from labtroupe.conformance import Card, Result, Subject, Verdict, make_subject, parse_message, run_card
from labtroupe.errors import ConfigError

_BY_NAME: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_COLOURS: Final = {Verdict.HOLDS: "green", Verdict.FAILS: "red", Verdict.NOT_DECLARED: "yellow"}


@click.command()
@click.argument("driver")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--device", metavar="MODULE:CLASS", default="", help="What stands in for its device.")
@click.option("--probe", metavar="COMMAND", help="What it is asked, such as 'voltage 1'; it must do no harm.")
@click.option(
    "--command",
    "commands",
    metavar="COMMAND",
    multiple=True,
    help="Try it with these values, too.",
)
@click.option(
    "--card", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Write a page about it."
)
@output_option
def test(  # noqa: PLR0913, PLR0917 - click passes each argument and option by itself
    driver: str,
    settings: Sequence[str],
    device: str,
    probe: str | None,
    commands: Sequence[str],
    file: str | None,
    output: Output,
) -> int:
    """Try the DRIVER, a kind or a `package.module:Class`, with all that goes wrong with devices.

    Its device is simulated, and no real port is opened.  Every promise that does not hold is
    printed with what to do about it, and ends it with exit code 1.
    """
    # What the driver writes into its log while it is tried is no finding.
    logging.getLogger().addHandler(logging.NullHandler())
    # As if it were named in a bench's file in the present folder.
    make_importable_beside("bench.toml")
    if file is not None and not Path(file).absolute().parent.is_dir():
        raise ConfigError(f"the card cannot be written: {file} is in no folder", remedy="Give another file.")
    out = sys.stdout

    def tell(result: Result) -> None:
        with redirect_stdout(out):
            _PRINT_ONE[output](result)

    # What the driver prints is no JSON.
    with redirect_stdout(out if output is Output.TABLE else sys.stderr):
        subject = _subject(driver, dict(map(_setting, settings)), device, probe, commands)
        card = run_card(subject, on_result=tell)
    _print_all(card, output)
    if file is not None:
        _write(file, card.as_markdown())
    return FAILED if card.failed else OK


def _subject(
    driver: str, settings: Mapping[str, object], device: str, probe: str | None, commands: Sequence[str]
) -> Subject:
    instrument_type, values = find_driver(driver, settings)
    subject = make_subject(
        instrument_type,
        settings=values,
        device=device,
        probe=None if probe is None else parse_message(instrument_type, probe),
    )
    more = [parse_message(instrument_type, each) for each in commands]
    return attrs.evolve(subject.also(more), name=driver)


def _setting(word: str) -> tuple[str, object]:
    """Return the name and the value of a setting; what is no TOML is a text."""
    found = _BY_NAME.fullmatch(word)
    if found is None:
        raise click.UsageError(f"{word!r} is no setting; write it KEY=VALUE", click.get_current_context())
    try:
        return found[1], tomllib.loads(f"value = {found[2]}")["value"]
    except ValueError:
        return found[1], found[2]


def _print_line(result: Result) -> None:
    verdict = f"{result.verdict:12}"
    coloured = click.style(verdict, fg=_COLOURS.get(result.verdict)) if wants_colour() else verdict
    print(f"{result.check:18}  {coloured}  {result.note}".rstrip(), flush=True)


def _print_json_line(result: Result) -> None:
    print_json_lines([attrs.asdict(result)])


def _print_later(_: Result) -> None:
    """Print nothing yet."""


_PRINT_ONE: Final[Mapping[Output, Callable[[Result], None]]] = {
    Output.TABLE: _print_line,
    Output.JSON: _print_later,
    Output.JSONL: _print_json_line,
}


def _print_all(card: Card, output: Output) -> None:
    match output:
        case Output.JSON:
            print_json({**attrs.asdict(card), "passed": not card.failed})
        case Output.JSONL:
            pass
        case Output.TABLE:
            print(f"\n{card.as_text()}")


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the card cannot be written: {error}", remedy="Give another file.") from error
