"""What is told of an instrument that is away: that it is and why, and that it is back, but not each try."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

import attrs

from labtroupe.lifecycle import State
from labtroupe.messages import Event, StateChanged

# Reasons that are told in one outage, whatever their figures, which may never be twice the same.
_MOST_REASONS: Final = 10
_FIGURES: Final = re.compile(r"\d[\d.]*")


@attrs.define(eq=False)
class Outages:
    """What has been told of each instrument since it last ran.

    A device that is away for a night is tried a thousand times, and to tell of
    each would push everything else out of the feed.
    """

    _told: defaultdict[str, set[str]] = attrs.field(factory=lambda: defaultdict(set[str]), init=False)

    def is_news(self, event: Event) -> bool:
        """Return whether this is to be told, and take it as told."""
        if not isinstance(event, StateChanged):
            return True
        told = self._told[event.instrument]
        match event.after:
            case State.STARTING:
                # Of one that has failed since it last ran, this is one more try.
                return not told
            case State.BACKOFF:
                reason = _FIGURES.sub("0", event.reason)
                if reason in told or len(told) == _MOST_REASONS:
                    return False
                told.add(reason)
            case State.HALTED if event.before is State.HALTED:
                # It is tried behind its latch as well.
                return False
            case _:
                told.clear()
        return True
