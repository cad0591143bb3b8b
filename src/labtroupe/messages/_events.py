"""What happened on the bench, as values: the feed carries them, the faces show them."""

from __future__ import annotations

import time
from typing import ClassVar

import attrs

from labtroupe.errors import Outcome
from labtroupe.lifecycle import State


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened to one instrument, or to the bench.

    Attributes:
        kind: A stable name for programs.
        instrument: Whom it happened to; empty for the bench itself.
        time: When, in seconds since 1970 (UTC).
    """

    kind: ClassVar[str] = "event"

    instrument: str
    time: float = attrs.field(factory=time.time)

    @property
    def text(self) -> str:
        """What happened, in one sentence for people, without the instrument's name."""
        return self.kind


@attrs.frozen(kw_only=True)
class StateChanged(Event):
    """An actor moved to another state.

    Attributes:
        life: Number of the life it is about, counted from 1; 0 before the first.
        reason: Why, in words; empty where there is nothing to say.
        retry_in: Seconds until the next start, in backoff.
    """

    kind = "state"

    before: State
    after: State
    life: int
    reason: str = ""
    retry_in: float | None = None

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        pause = "" if self.retry_in is None else f", next try in {self.retry_in:.1f} s"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.after}{pause}{reason}"


@attrs.frozen(kw_only=True)
class CommandFailed(Event):
    """A request ended in any way but done."""

    kind = "command"

    command: str
    outcome: Outcome
    code: str
    reason: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"{self.command} failed, outcome {self.outcome}: {self.reason}"


@attrs.frozen(kw_only=True)
class LinkSuspect(Event):
    """A link fell out of step: an answer may still come that belongs to nobody."""

    kind = "suspect"

    reason: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"link suspect: {self.reason}"


@attrs.frozen(kw_only=True)
class LinkInStep(Event):
    """A suspect link was brought in step again.

    Attributes:
        elapsed: Seconds the resync took.
    """

    kind = "in-step"

    elapsed: float

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"link in step again after {self.elapsed:.3f} s"


@attrs.frozen(kw_only=True)
class CleanupFailed(Event):
    """Closing an actor failed or took too long; its port may still be held."""

    kind = "cleanup"

    reason: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"clean-up failed: {self.reason}"


@attrs.frozen(kw_only=True)
class FaultChanged(Event):
    """A fault was injected into a simulated device, or ended.

    Attributes:
        faults: The faults in force now, in words; empty for none.
    """

    kind = "fault"

    faults: tuple[str, ...]

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"simulated fault: {', '.join(self.faults)}" if self.faults else "simulated faults cleared"


@attrs.frozen(kw_only=True)
class SimulationCrashed(Event):
    """A simulated device raised an error; its cable is out for good."""

    kind = "simulation"

    reason: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"the simulated device crashed: {self.reason}"
