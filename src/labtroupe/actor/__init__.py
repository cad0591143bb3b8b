"""One mailbox, one task: actors, the refs that point to them, and the replies they give."""

from __future__ import annotations

from labtroupe.actor._actor import Actor, live, mark_acted
from labtroupe.actor._cell import Cell
from labtroupe.actor._deadlines import Deadlines
from labtroupe.actor._mailbox import DEFAULT_CAPACITY, Mailbox
from labtroupe.actor._ref import ActorRef
from labtroupe.actor._reply import Reply, Stage

__all__ = [
    "DEFAULT_CAPACITY",
    "Actor",
    "ActorRef",
    "Cell",
    "Deadlines",
    "Mailbox",
    "Reply",
    "Stage",
    "live",
    "mark_acted",
]
