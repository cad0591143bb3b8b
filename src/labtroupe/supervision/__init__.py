"""Actors kept alive: what is started, stopped and restarted, when and in which order."""

from __future__ import annotations

from labtroupe.supervision._child import ChildSpec, Member, branch
from labtroupe.supervision._connect import connect, ensure_connected, names_with_dependencies
from labtroupe.supervision._stacks import stack_of
from labtroupe.supervision._supervisor import Supervisor
from labtroupe.supervision._watchdog import Watchdog

__all__ = [
    "ChildSpec",
    "Member",
    "Supervisor",
    "Watchdog",
    "branch",
    "connect",
    "ensure_connected",
    "names_with_dependencies",
    "stack_of",
]
