"""A word from time to time about those that are not connected: each is told of only once when it goes."""

from __future__ import annotations

import time
from typing import Final

import trio

from labtroupe.control import Service, StillMissing
from labtroupe.lifecycle import State

_HOUR: Final = 3600.0
"""Seconds from one reminder to the next."""

# Others are not connected because a person wants it, or has to do something about it.
_TRIED: Final = frozenset({State.STARTING, State.BACKOFF})


async def remind_of_missing(service: Service) -> None:
    """Publish once an hour who has not been connected all that time; runs until cancelled."""
    while True:
        await trio.sleep(_HOUR)
        tried = [each for each in service.connecting.report().causes if each.state in _TRIED]
        # A little less, as the two clocks are not quite one.
        missing = [str(each) for each in tried if each.since and time.time() - each.since > 0.99 * _HOUR]
        if missing:
            service.feed.publish(StillMissing(missing=tuple(missing)))
