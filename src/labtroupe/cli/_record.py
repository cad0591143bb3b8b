"""``labtroupe record``: write down what goes over the wire of an instrument."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TextIO

import click

from labtroupe.cli._options import bench_option, connect
from labtroupe.errors import ConfigError
from labtroupe.tapes import TapeFrame, TapeHeader, tape_line


@click.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    "path",
    metavar="FILE",
    required=True,
    help="Where the tape is written; a new file, or `-` for standard output.",
)
@click.option(
    "--frames", metavar="COUNT", type=click.IntRange(min=1), help="End after so many pieces of traffic."
)
@bench_option
def record(*, name: str, path: str, frames: int | None, bench: str | None) -> None:
    """Write what goes over the wire of the instrument NAME to a tape, until Ctrl-C.

    Each line is written at once, so the tape is whole however it ends.
    """
    count, begin = 0, time.monotonic()
    with closing(connect(bench).record(name)) as parts:
        # First the bench, so that a wrong name leaves no file.
        header = next(parts)
        with _opened(path) as tape:
            _write(tape, header)
            try:
                for part in parts:
                    _write(tape, part)
                    count += 1
                    if count == frames:
                        break
            finally:
                # Not to standard output, which may be the tape.
                seconds = time.monotonic() - begin
                print(f"{name}: {count} frames in {seconds:.1f} s on {path}", file=sys.stderr)


def _write(tape: TextIO, part: TapeHeader | TapeFrame) -> None:
    print(tape_line(part), end="", file=tape, flush=True)


@contextlib.contextmanager
def _opened(path: str) -> Generator[TextIO]:
    """Open a new file, or take standard output.

    Raises:
        ConfigError: It exists, or cannot be made.
    """
    with contextlib.ExitStack() as stack:
        yield sys.stdout if path == "-" else stack.enter_context(_new_file(path))


def _new_file(path: str) -> TextIO:
    try:
        # Never over a tape that is there: what it has cannot be had again.
        return Path(path).open("x", encoding="utf-8")
    except FileExistsError:
        raise ConfigError(
            f"there is a {path} already", remedy="Give another name; no tape is ever written over."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot write a new tape {path}: {error.strerror}", remedy="Give another file."
        ) from error
