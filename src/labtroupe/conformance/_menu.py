"""The menu: all checks, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from labtroupe.conformance._answers import duplicate, echo, flood, garbled, late, mute, noise, split, stray
from labtroupe.conformance._check import Check
from labtroupe.conformance._costs import blocking, leaks
from labtroupe.conformance._cuts import cancel_in_answer, cancel_in_request, slow_drain
from labtroupe.conformance._lives import (
    failed_start,
    power_cycle,
    replug,
    start,
    stop,
    unplug,
)
from labtroupe.conformance._orders import commands, memory, unanswered
from labtroupe.conformance._returns import reattach
from labtroupe.conformance._safety import halt, identity, safe_state

CHECKS: Final[Sequence[Check]] = (
    start,
    split,
    garbled,
    noise,
    echo,
    stray,
    mute,
    late,
    duplicate,
    flood,
    cancel_in_request,
    cancel_in_answer,
    slow_drain,
    commands,
    unanswered,
    memory,
    unplug,
    replug,
    power_cycle,
    reattach,
    failed_start,
    stop,
    halt,
    safe_state,
    identity,
    leaks,
    blocking,
)
"""What every driver is tried with; the first decides whether the others are."""
