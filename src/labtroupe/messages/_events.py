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
class LateAnswer(Event):
    """A command ended when its caller had gone already, so that its answer has reached nobody.

    Attributes:
        reason: Why it was not done, in words; empty if it was.
    """

    kind = "late"

    command: str
    reason: str = ""

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        ending = f"failed: {self.reason}" if self.reason else "was done"
        return f"after its caller had gone, {self.command} {ending}"


@attrs.frozen(kw_only=True)
class CommandQuarantined(Event):
    """A command has crashed its actor too often, and is not carried out until it is cleared."""

    kind = "quarantine"

    command: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"{self.command} is in quarantine: it has crashed again and again"


@attrs.frozen(kw_only=True)
class SafeState(Event):
    """An actor that was halted is in its safe state, or it is not known to be.

    Attributes:
        confirmed: Whether it was reached.
        reason: Why not, in words.
    """

    kind = "safe-state"

    confirmed: bool
    reason: str = ""

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return "safe state confirmed" if self.confirmed else f"safe state not confirmed: {self.reason}"


@attrs.frozen(kw_only=True)
class SuspensionChanged(Event):
    """An actor takes no more requests, or takes them again."""

    kind = "suspension"

    suspended: bool

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return "suspended" if self.suspended else "resumed"


@attrs.frozen(kw_only=True)
class LeaseChanged(Event):
    """Somebody has an actor for himself, or has it no longer.

    Attributes:
        holder: Who.
        over: Why no longer, in words; empty if the lease begins.
    """

    kind = "lease"

    holder: str
    over: str = ""

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"the lease of {self.holder} is over: {self.over}" if self.over else f"leased by {self.holder}"


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
class Unsolicited(Event):
    r"""A device has said something by itself, as it is declared to do.

    Attributes:
        frame: What, without framing; what is not ASCII is written as ``\xb0``.
    """

    kind = "unsolicited"

    frame: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"the device says: {self.frame}"


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
class Wedged(Event):
    """A life does not end, though it was told to; its port stays claimed, and no other life begins beside it.

    Attributes:
        stack: Where its tasks are, as tracebacks are written.
    """

    kind = "wedged"

    stack: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"wedged: it was told to stop and does not; it is here:\n{self.stack}"


@attrs.frozen(kw_only=True)
class LoopHeldUp(Event):
    """Some code kept the loop, and with it every instrument, from going on: it waited without ``await``.

    Attributes:
        elapsed: For how many seconds, about.
        stack: Where it was, as tracebacks are written.
    """

    kind = "held-up"

    instrument: str = ""
    elapsed: float
    stack: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        what = f"every instrument was held up for {self.elapsed:.1f} s by code that does not await"
        return f"{what}; it was here:\n{self.stack}"


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
