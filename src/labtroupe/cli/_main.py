"""The entry point: from an argument list to an exit code, with every foreseeable error in our words."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Sequence

import click

from labtroupe.cli._errors import report, usage_error
from labtroupe.cli._exit_codes import INTERRUPTED, OK, USAGE
from labtroupe.cli._group import group
from labtroupe.errors import LabtroupeError


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line.

    Args:
        argv: The arguments, without the program's name; those of the process where not given.

    Returns:
        What to exit with.
    """
    args = sys.argv[1:] if argv is None else list(argv)
    _print_what_cannot_be_encoded()
    try:
        return _carry_out(args)
    except BrokenPipeError:
        # Whoever read our output, such as `head`, has seen enough.
        _forget_output()
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED


def _carry_out(args: list[str]) -> int:
    try:
        with group.make_context("labtroupe", args) as context:
            code = group.invoke(context)
        if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison] - started with >&-
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        return report(usage_error(error), as_json=_wants_json(args))
    except LabtroupeError as error:
        return report(error, as_json=_wants_json(args))
    return code if isinstance(code, int) else OK


def _wants_json(args: Sequence[str]) -> bool:
    """Return whether errors are for a program, also where the rest of the line is wrong."""
    words = list(args[: args.index("--")] if "--" in args else args)
    joined = {*words, *map(" ".join, itertools.pairwise(words))}
    return any(
        f"{option}{kind}" in joined
        for option in ("-o", "-o ", "--output=", "--output ")
        for kind in ("json", "jsonl")
    )


def _print_what_cannot_be_encoded() -> None:
    """Let a unit such as ohm be escaped on a terminal that cannot show it, not end the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    # The interpreter flushes once more when it exits, and would complain.
    with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), 1)
