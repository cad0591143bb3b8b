"""One mailbox, one task: actors, the refs that point to them, and the replies they give."""

from __future__ import annotations

from labtroupe.actor._actor import (
    Actor,
    finish,
    halt_itself,
    is_halted,
    live,
    mark_acted,
    publish,
    times_halted,
    unless_halted,
)
from labtroupe.actor._background import background, background_of
from labtroupe.actor._cell import Cell
from labtroupe.actor._context import current, making_safe
from labtroupe.actor._deadlines import Deadlines
from labtroupe.actor._gather import gather
from labtroupe.actor._latch import Latch
from labtroupe.actor._mailbox import DEFAULT_CAPACITY, STOP_LANE, Mailbox
from labtroupe.actor._readings import Values
from labtroupe.actor._ref import ActorRef
from labtroupe.actor._reply import Reply, Stage
from labtroupe.actor._watch import Change, ChangeKind, Watch

__all__ = [
    "DEFAULT_CAPACITY",
    "STOP_LANE",
    "Actor",
    "ActorRef",
    "Cell",
    "Change",
    "ChangeKind",
    "Deadlines",
    "Latch",
    "Mailbox",
    "Reply",
    "Stage",
    "Values",
    "Watch",
    "background",
    "background_of",
    "current",
    "finish",
    "gather",
    "halt_itself",
    "is_halted",
    "live",
    "making_safe",
    "mark_acted",
    "publish",
    "times_halted",
    "unless_halted",
]
