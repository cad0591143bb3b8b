"""What is said: commands, the messages that ask for them, and the events that tell what happened."""

from __future__ import annotations

from labtroupe.errors import Outcome
from labtroupe.messages._command import (
    DEFAULT_TIMEOUT,
    Command,
    CommandMethod,
    Message,
    accepted_commands,
    command,
    commands_of,
    once_per_class,
)
from labtroupe.messages._device_events import AttendanceChanged, DeviceReturned
from labtroupe.messages._events import (
    CleanupFailed,
    CommandFailed,
    CommandQuarantined,
    Event,
    FaultChanged,
    LateAnswer,
    LeaseChanged,
    LinkInStep,
    LinkSuspect,
    LoopHeldUp,
    SafeState,
    SimulationCrashed,
    StateChanged,
    SuspensionChanged,
    Unsolicited,
    Wedged,
)
from labtroupe.messages._fits import fits, plain_type
from labtroupe.messages._limits import Range, Unit
from labtroupe.messages._parameters import Parameter
from labtroupe.messages._periodic import every, when_idle
from labtroupe.messages._reading import Quality, Reading, ReadingCommand, ReadingMethod, reading
from labtroupe.messages._schedule import MOST_OWED, Missed, Schedule, WhenIdle

__all__ = [
    "DEFAULT_TIMEOUT",
    "MOST_OWED",
    "AttendanceChanged",
    "CleanupFailed",
    "Command",
    "CommandFailed",
    "CommandMethod",
    "CommandQuarantined",
    "DeviceReturned",
    "Event",
    "FaultChanged",
    "LateAnswer",
    "LeaseChanged",
    "LinkInStep",
    "LinkSuspect",
    "LoopHeldUp",
    "Message",
    "Missed",
    "Outcome",
    "Parameter",
    "Quality",
    "Range",
    "Reading",
    "ReadingCommand",
    "ReadingMethod",
    "SafeState",
    "Schedule",
    "SimulationCrashed",
    "StateChanged",
    "SuspensionChanged",
    "Unit",
    "Unsolicited",
    "Wedged",
    "WhenIdle",
    "accepted_commands",
    "command",
    "commands_of",
    "every",
    "fits",
    "once_per_class",
    "plain_type",
    "reading",
    "when_idle",
]
