"""An event as a line for people: when, who, what."""

from __future__ import annotations

import time

import attrs
import click

from labtroupe.cli._output import STATE_COLOURS
from labtroupe.cli._printable import printable

_KIND_COLOURS = {
    "cleanup": "red",
    "command": "yellow",
    "held-up": "red",
    "latches": "red",
    "missed": "red",
    "quarantine": "red",
    "suspect": "yellow",
    "wedged": "red",
}


@attrs.define(eq=False)
class EventLines:
    """Makes lines that are aligned with those before them.

    Attributes:
        colour: Whether they are in colour.
        width: Of the longest instrument's name so far.
    """

    colour: bool
    width: int = 0

    def line(self, *, kind: str, text: str, instrument: str, moment: float) -> str:
        """Return the line for one event, and one more for each further line of its text.

        Args:
            kind: The event's kind.
            text: What happened.
            instrument: Whom it happened to; empty for the bench.
            moment: When, in seconds since 1970 (UTC).
        """
        self.width = max(self.width, len(instrument))
        first, *more = text.splitlines() or [""]
        line = f"{_clock(moment)}  {instrument:{self.width}}  {self._painted(kind, printable(first))}"
        return "\n".join([line, *(f"  {printable(each)}" for each in more)])

    def _painted(self, kind: str, text: str) -> str:
        # The text of a change of state begins with the state: "backoff, next try in ...".
        state = text.partition(",")[0].partition(":")[0]
        colour = STATE_COLOURS.get(state) if kind == "state" else _KIND_COLOURS.get(kind)
        return click.style(text, fg=colour) if self.colour and colour else text


def _clock(moment: float) -> str:
    """Return a moment in local time, to the millisecond."""
    whole, thousandths = divmod(round(moment * 1000), 1000)
    return f"{time.strftime('%H:%M:%S', time.localtime(whole))}.{thousandths:03d}"
