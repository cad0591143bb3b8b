"""Printing: JSON for programs, plain lines for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from labtroupe.lifecycle import State

STATE_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        State.STARTING: "cyan",
        State.RUNNING: "green",
        State.STOPPING: "cyan",
        State.STOPPED: "bright_black",
        State.BACKOFF: "yellow",
        State.FAILED: "red",
        State.HALTED: "magenta",
    }
)


def on_terminal() -> bool:
    """Return whether a person sees what is printed."""
    # None in a program that was started without a standard output.
    return sys.stdout is not None and sys.stdout.isatty()  # pyright: ignore[reportUnnecessaryComparison]


def wants_colour() -> bool:
    """Return whether what is printed is to be in colour: on a terminal, unless NO_COLOR is set."""
    return on_terminal() and not os.environ.get("NO_COLOR")


def print_json(value: object) -> None:
    """Print one JSON document, indented."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_json_lines(values: Iterable[object]) -> None:
    """Print one JSON document per line, each at once."""
    for value in values:
        print(msgspec.json.encode(value).decode(), flush=True)


def as_json(value: object) -> str:
    """Return a value as JSON in one line."""
    return msgspec.json.encode(value).decode()
