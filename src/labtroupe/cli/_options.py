"""The options that several commands have."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from labtroupe.client import Client, find_bench, running_benches
from labtroupe.errors import BenchError

F = TypeVar("F", bound=Callable[..., Any])


class Output(enum.StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    """For people."""
    JSON = "json"
    """One document."""
    JSONL = "jsonl"
    """One document per line and thing."""


_OUTPUTS: Final = [each.value for each in Output]


def _to_output(_context: click.Context, _option: click.Parameter, value: str) -> Output:
    return Output(value)


def output_option(function: F) -> F:
    """Add ``-o/--output``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(_OUTPUTS),
        default=Output.TABLE.value,
        show_default=True,
        callback=_to_output,
        help="For people, or for programs; errors follow it too.",
    )(function)


def bench_option(function: F) -> F:
    """Add ``--bench``."""
    return click.option(
        "--bench",
        metavar="NAME|PATH",
        envvar="LABTROUPE_BENCH",
        help="Its name, or the path of its socket; otherwise LABTROUPE_BENCH, or the only one running.",
    )(function)


def connect(bench: str | None) -> Client:
    """Return the client of the bench that is meant.

    Raises:
        BenchError: It does not run.
        click.UsageError: None is named, and several run.
    """
    if bench:
        return Client(find_bench(bench))
    running = running_benches()
    if not running:
        raise BenchError("no bench is running")
    if len(running) > 1:
        names = ", ".join(path.stem for path in running)
        raise click.UsageError(
            f"{len(running)} benches are running: {names}; choose one with --bench or LABTROUPE_BENCH",
            click.get_current_context(silent=True),
        )
    return Client(running[0])
