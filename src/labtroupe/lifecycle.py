"""The states of an actor, and the moves between them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType


class State(enum.StrEnum):
    """What an actor is doing, in the words every face of labtroupe uses."""

    STARTING = "starting"
    """It is being opened, or waits for what it depends on."""
    RUNNING = "running"
    """It answers."""
    STOPPING = "stopping"
    """It is being closed."""
    STOPPED = "stopped"
    """It was stopped on purpose, or has finished; somebody may start it."""
    BACKOFF = "backoff"
    """It failed, and is tried again after a pause."""
    FAILED = "failed"
    """Restarting did not help; a person may start it again."""
    HALTED = "halted"
    """It was halted, and refuses everything until a person resets it, whatever it does meanwhile."""


# What may follow what.  The documentation's diagram is drawn from this table.
MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.STARTING: frozenset(
            {State.RUNNING, State.STOPPING, State.STOPPED, State.BACKOFF, State.FAILED, State.HALTED}
        ),
        State.RUNNING: frozenset(
            {State.STARTING, State.STOPPING, State.STOPPED, State.BACKOFF, State.FAILED, State.HALTED}
        ),
        State.STOPPING: frozenset({State.STARTING, State.STOPPED, State.BACKOFF, State.FAILED, State.HALTED}),
        State.STOPPED: frozenset({State.STARTING, State.HALTED}),
        State.BACKOFF: frozenset({State.STARTING, State.STOPPED, State.FAILED, State.HALTED}),
        State.FAILED: frozenset({State.STARTING, State.STOPPED, State.HALTED}),
        # Its lives come and go behind the latch.
        State.HALTED: frozenset(State) - {State.HALTED},
    }
)
