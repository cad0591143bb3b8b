"""What to do about a failure: decisions as pure functions of records, without clock, tasks or I/O."""

from __future__ import annotations

from labtroupe.policy._backoff import Backoff
from labtroupe.policy._child import Child, Phase, Policy, Restart, Wanted, state_of
from labtroupe.policy._group import AutoShutdown, Group, Strategy
from labtroupe.policy._ladder import leaves_nothing, never_began, restarts_softly
from labtroupe.policy._limit import RestartHistory, RestartLimit
from labtroupe.policy._roster import Roster
from labtroupe.policy._turns import STARTS_AT_ONCE

__all__ = [
    "STARTS_AT_ONCE",
    "AutoShutdown",
    "Backoff",
    "Child",
    "Group",
    "Phase",
    "Policy",
    "Restart",
    "RestartHistory",
    "RestartLimit",
    "Roster",
    "Strategy",
    "Wanted",
    "leaves_nothing",
    "never_began",
    "restarts_softly",
    "state_of",
]
