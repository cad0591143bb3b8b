"""What was not as the script of a double says, in words that show the difference."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

_INDENT = "    "

_MANY = 50
"""Lines beyond which only those near a difference are shown: all would be neither read, nor made in time."""

_SHOWN = 20
"""Of what has come, the last so many are shown: among them is most likely what is sought."""


class Violated(AssertionError):
    """Something came that was not expected, or something expected did not come."""


def difference(expected: Sequence[str], came: Sequence[str]) -> str:
    """Return lines that show what was expected (-), what came (+), and where they differ (?)."""
    if max(len(expected), len(came)) > _MANY:
        lines = difflib.unified_diff(expected, came, lineterm="")
        _headings = [next(lines, ""), next(lines, "")]
    else:
        lines = difflib.ndiff(expected, came)
    return "\n".join(f"{_INDENT}{line.rstrip()}" for line in lines)


def listed(lines: Sequence[str], otherwise: str) -> str:
    """Return lines below each other, the last of them if there are many, or what is said for none."""
    before = len(lines) - _SHOWN
    shown = lines if before <= 0 else [f"... and {before} before:", *lines[-_SHOWN:]]
    return "\n".join(f"{_INDENT}{line}" for line in shown or [otherwise])


def shortened(found: Sequence[str]) -> str:
    """Return violations below each other, the first of them if there are many."""
    more = len(found) - _SHOWN
    return "\n".join([*found[:_SHOWN], *([f"... and {more} more"] if more > 0 else [])])
