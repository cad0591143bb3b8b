"""The little physics that simulated devices share; exact for any length of step."""

from __future__ import annotations

import math
import random


def ramp(value: float, target: float, speed: float, seconds: float) -> float:
    """Return where ``value`` is after going to ``target`` for ``seconds`` at ``speed`` per second."""
    step = speed * seconds
    return target if abs(target - value) <= step else value + math.copysign(step, target - value)


def settle(value: float, target: float, time_constant: float, seconds: float) -> float:
    """Return where ``value`` is after relaxing to ``target`` for ``seconds``."""
    return target + (value - target) * math.exp(-seconds / time_constant)


def noise(seed: int) -> random.Random:
    """Return a source of noise that is the same for the same ``seed``."""
    return random.Random(seed)  # noqa: S311 - no secrets
