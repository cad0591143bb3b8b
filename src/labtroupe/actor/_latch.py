"""The latch: what keeps a halted actor from doing anything but going into its safe state."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs
import trio

from labtroupe.messages import Event, SafeState
from labtroupe.records import SafetyReport


@attrs.frozen
class Latch:
    """Somebody has halted the actor; it stays so, over all its lives, until a person resets it.

    Attributes:
        reason: Why, in words.
        time: Since when, in seconds since 1970 (UTC).
        leave: Whether the device is left as it is, instead of being brought into its safe state.
    """

    reason: str
    time: float = attrs.field(factory=time.time)
    leave: bool = False


@attrs.define(eq=False)
class Safety:
    """The latch of one actor, and what has become of its safe state since.

    Attributes:
        latch: What keeps it halted; ``None`` if it is not.
        held: It is not the turn of its safe state yet.
        report: What is known of its safe state; ``None`` until it was tried.
        halts: How often it was halted.
    """

    _name: str
    _publish: Callable[[Event], None]
    latch: Latch | None = attrs.field(default=None, init=False)
    held: bool = attrs.field(default=False, init=False)
    report: SafetyReport | None = attrs.field(default=None, init=False)
    halts: int = attrs.field(default=0, init=False)
    _news: trio.Event | None = attrs.field(default=None, init=False)

    @property
    def confirmed(self) -> bool:
        """Whether the safe state was reached under this latch."""
        return self.report is not None and self.report.confirmed

    def set(self, latch: Latch | None, *, held: bool = False) -> None:
        """Latch, or let go; what was known of the safe state is so no more."""
        self.latch, self.held, self.report = latch, held, None
        self.halts += latch is not None
        self._tell()

    def note(self, latch: Latch, reason: str | None) -> None:
        """Note what has become of the safe state: ``None`` for reached, or why it was not."""
        if latch is self.latch:
            self.report = SafetyReport(self._name, reason is None, reason or "")
            self._publish(SafeState(instrument=self._name, confirmed=reason is None, reason=reason or ""))
            self._tell()

    async def wait_report(self) -> None:
        """Wait until it is known what has become of the safe state, or until it was reset."""
        while self.latch is not None and self.report is None:
            if self._news is None:
                self._news = trio.Event()
            await self._news.wait()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None
