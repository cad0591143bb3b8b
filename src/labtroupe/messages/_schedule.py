"""When a command is due by itself, and what becomes of the times that were missed."""

from __future__ import annotations

import enum
import math
from typing import Final

import attrs

MOST_OWED: Final = 16
"""Ticks at most that are caught up; a mailbox full, and what is older than that helps nobody."""


class Missed(enum.StrEnum):
    """What becomes of a tick that comes while the one before it is still to be done."""

    SKIP = "skip"
    """It is left out."""
    CATCH_UP = "catch up"
    """It is done later, one after the other; at most `MOST_OWED` of them, the latest."""
    FAIL = "fail"
    """The life of the actor ends, with `MissedTick`."""


def _check_period(_: object, __: object, seconds: float) -> None:
    if not 0 < seconds < math.inf:
        raise ValueError(f"a period must be above 0 s and finite, not {seconds!r}")


@attrs.frozen
class WhenIdle:
    """Whenever nothing has been heard from the device for a while.

    Attributes:
        seconds: For how long.
    """

    seconds: float = attrs.field(validator=_check_period)


@attrs.frozen
class Schedule:
    """Ticks on a fixed grid of the clock: the first at once, then one each period.

    Attributes:
        seconds: From one tick to the next, whatever each of them takes.
        missed: What becomes of those that come too soon.
    """

    seconds: float = attrs.field(validator=_check_period)
    missed: Missed = Missed.SKIP

    def overdue(self, tick: int, elapsed: float) -> int:
        """Return how many ticks after ``tick`` have come too, ``elapsed`` seconds after the first."""
        return max(0, int(elapsed // self.seconds) - tick)

    def left_out(self, overdue: int) -> int:
        """Return how many ticks are left out where ``overdue`` have come since the one that is done now."""
        return max(0, overdue + 1 - MOST_OWED) if self.missed is Missed.CATCH_UP else overdue
