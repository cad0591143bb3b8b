"""The events that only a whole bench has."""

from __future__ import annotations

import attrs

from labtroupe.messages import Event


@attrs.frozen(kw_only=True)
class LatchReset(Event):
    """A person has let go of the latch of an instrument that was halted.

    Attributes:
        reason: Why it is safe now, as they say.
    """

    kind = "reset"

    reason: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"not halted any more: {self.reason}"


@attrs.frozen(kw_only=True)
class LatchesNotKept(Event):
    """What is halted could not be written down: it will not be so any more in the next process.

    Attributes:
        reason: Why, in words.
    """

    kind = "latches"

    instrument: str = ""
    reason: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"the next process will not know what is halted: {self.reason}"


@attrs.frozen(kw_only=True)
class StillMissing(Event):
    """Instruments have not been connected for a long time; one reminder for all of them.

    Attributes:
        missing: For each, its name, since when, and why, in words.
    """

    kind = "missing"

    instrument: str = ""
    missing: tuple[str, ...]

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return f"still not connected: {'; '.join(self.missing)}"
