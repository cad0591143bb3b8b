"""What became of the devices that instruments talk with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from labtroupe.messages._events import Event

_RETURNED: Final[Mapping[bool | None, str]] = {
    True: "returned, changed: it has lost its settings meanwhile",
    False: "returned, unchanged",
    None: "returned; it cannot say whether it has lost its settings meanwhile",
}
_ACTIONS: Final[Mapping[str, str]] = {
    "restore": "what was set is now set again",
    "reset": "it is now reset",
    "ask": "a person decides how to go on",
}


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


@attrs.frozen(kw_only=True)
class DeviceReturned(Event):
    """A device is there again whose port had to be opened anew.

    Attributes:
        changed: Whether it has lost its settings meanwhile, as by being switched off; ``None`` if it
            cannot say.
        action: What is done about that now: ``adopt`` (nothing), ``restore``, ``reset`` or ``ask``.
    """

    kind = "returned"

    changed: bool | None
    action: str

    @property
    def text(self) -> str:
        """What happened, in one sentence for people."""
        left = "it is left as it is" if self.changed else ""
        return "; ".join(filter(None, (_RETURNED[self.changed], _ACTIONS.get(self.action, left))))
