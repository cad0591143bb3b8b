"""What is said: commands, the messages that ask for them, and the events that tell what happened."""

from __future__ import annotations

from labtroupe.errors import Outcome
from labtroupe.messages._command import (
    DEFAULT_TIMEOUT,
    Command,
    CommandMethod,
    Message,
    Parameter,
    accepted_commands,
    command,
    commands_of,
)
from labtroupe.messages._events import (
    CleanupFailed,
    CommandFailed,
    Event,
    FaultChanged,
    LinkInStep,
    LinkSuspect,
    SimulationCrashed,
    StateChanged,
)
from labtroupe.messages._limits import Range, Unit

__all__ = [
    "DEFAULT_TIMEOUT",
    "CleanupFailed",
    "Command",
    "CommandFailed",
    "CommandMethod",
    "Event",
    "FaultChanged",
    "LinkInStep",
    "LinkSuspect",
    "Message",
    "Outcome",
    "Parameter",
    "Range",
    "SimulationCrashed",
    "StateChanged",
    "Unit",
    "accepted_commands",
    "command",
    "commands_of",
]
