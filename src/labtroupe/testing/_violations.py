"""What was not as the script of a double says, in words that show the difference."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_INDENT = "    "


class Violated(AssertionError):
    """Something came that was not expected, or something expected did not come."""


def difference(expected: Iterable[str], came: Iterable[str]) -> str:
    """Return lines that show what was expected (-), what came (+), and where they differ (?)."""
    lines = difflib.ndiff(list(expected), list(came))
    return "\n".join(f"{_INDENT}{line.rstrip()}" for line in lines)


def listed(lines: Sequence[str], otherwise: str) -> str:
    """Return lines below each other, or what is said where there are none."""
    return "\n".join(f"{_INDENT}{line}" for line in lines or [otherwise])
