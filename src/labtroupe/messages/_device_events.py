"""What became of the devices that instruments talk with."""

from __future__ import annotations

import attrs

from labtroupe.messages._events import Event


@attrs.frozen(kw_only=True)
class AttendanceChanged(Event):
    """A device on a shared bus does not answer, and is left alone for a while; or it answers again.

    Attributes:
        unit: Its address.
        reason: What has happened, in words; empty if it answers.
    """

    kind = "attendance"

    unit: int
    reason: str = ""

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        return (
            f"unit {self.unit} is absent: {self.reason}" if self.reason else f"unit {self.unit} answers again"
        )
