"""Actors kept alive: what a child is, and the supervisor that restarts or parks it."""

from __future__ import annotations

from labtroupe.supervision._child import ChildSpec, Member
from labtroupe.supervision._supervisor import Supervisor

__all__ = ["ChildSpec", "Member", "Supervisor"]
