"""What is different where a person looks: units, colour, and the width of the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from ._benches import PATIENCE, Place, Program, command_line


@pytest.fixture(autouse=True)
def _ready(bench: Program) -> None:
    bench.wait_for(r"psu +running$")
    bench.wait_for(r"slow +running$")


def on_terminal(place: Place, *args: str, **environment: str) -> str:
    """Return what a command prints on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        subprocess.run(  # noqa: S603 - ours
            command_line(args),
            stdin=theirs,
            stdout=theirs,
            env=place.environment() | {"TERM": "xterm", "LABTROUPE_BENCH": "one"} | environment,
            timeout=PATIENCE,
            check=False,
        )
        return os.read(ours, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_value_has_its_unit(place: Place) -> None:
    assert re.fullmatch(r"[\d.]+ degC\n", on_terminal(place, "call", "heater", "temperature"))


def test_a_command_without_an_answer_says_that_it_is_done(place: Place) -> None:
    assert on_terminal(place, "call", "heater", "hold") == "done\n"


def test_status_is_in_colour_and_fits(place: Place) -> None:
    text = on_terminal(place, "status")

    assert "\x1b[32mrunning" in text
    assert all(len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= 80 for line in text.splitlines())


def test_nothing_is_in_colour_where_the_user_wants_none(place: Place) -> None:
    assert "\x1b[3" not in on_terminal(place, "status", NO_COLOR="1")
    assert "\x1b[3" not in on_terminal(place, "events", NO_COLOR="1")


def test_events_are_in_colour(place: Place) -> None:
    assert "\x1b[32mrunning\x1b[0m" in on_terminal(place, "events")
