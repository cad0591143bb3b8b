"""How a person writes a span of time: ``5s``, ``300ms``, ``2min``, or plain seconds."""

from __future__ import annotations

import math
import re

from labtroupe.errors import ArgumentError

_SECONDS = {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"\s*(?P<number>\d+\.?\d*|\.\d+)\s*(?P<unit>[a-z]*)\s*", re.IGNORECASE | re.ASCII)


def parse_duration(text: str) -> float:
    """Return the seconds that ``text`` says.

    Args:
        text: A number more than zero and a unit, ``ms``, ``s``, ``min`` or ``h``; seconds without one.

    Raises:
        ArgumentError: It is no such thing.
    """
    found = _DURATION.fullmatch(text)
    unit = _SECONDS.get(found["unit"].lower()) if found else None
    seconds = float(found["number"]) * unit if found and unit else 0.0
    if not 0.0 < seconds < math.inf:
        raise ArgumentError(
            f"{text!r} is not a duration", remedy="Write it like `5s`, `300ms`, `2min` or `1.5`."
        )
    return seconds
