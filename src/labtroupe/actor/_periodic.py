"""Periodic work: on each tick of its schedule, a command goes into its actor's own mailbox."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
import trio

from labtroupe.actor._reply import Reply, Stage
from labtroupe.errors import LabtroupeError, MissedTick
from labtroupe.messages import Command, Missed, Schedule, WhenIdle

if TYPE_CHECKING:
    from labtroupe.actor._cell import Cell


@attrs.define(eq=False)
class Ticker:
    """Asks an actor for one of its commands on each tick, for one life.

    One tick is under way at a time.  Nobody is told how it ends: a failure is an
    event, or a crash, as with every command.  While the actor takes no requests,
    there are no ticks, and none is owed afterwards.
    """

    _cell: Cell
    _command: Command[..., Any]
    _schedule: Schedule
    _last: Reply[object] | None = attrs.field(default=None, init=False)

    async def run(self) -> None:
        """Tick until cancelled.

        Raises:
            MissedTick: One was still to be done when the next came, and the schedule calls that a failure.
        """
        began, tick = trio.current_time(), 0
        try:
            while True:
                # Each counted from the first, and not from the one before, so that delays do not add up.
                await trio.sleep_until(began + tick * self._schedule.seconds)
                if self._schedule.missed is Missed.CATCH_UP:
                    await self._wait_last()
                overdue = self._schedule.overdue(tick, trio.current_time() - began)
                if self._cell.takes_ticks(self._command):
                    self._ask(overdue)
                else:
                    self._withdraw("no requests are taken now")
                tick += 1 + self._schedule.left_out(overdue)
        finally:
            # It may wait in the mailbox, and idempotent ones stay there for the next life.
            self._withdraw("its life is over")

    def _ask(self, overdue: int) -> None:
        busy = self._last is not None and not self._last.ended
        if self._schedule.missed is Missed.FAIL and (busy or overdue):
            period = f"{self._schedule.seconds:g} s"
            raise MissedTick(f"{self._command!r} was still to be done when it was due again after {period}")
        if not busy:
            message = self._command.plain
            self._last = self._cell.submit(message, None, callers_deadline=math.inf, wait_for_room=True)

    async def _wait_last(self) -> None:
        # Suppressed, because it is an event already, and a crash where it has to be one.
        with suppress(LabtroupeError):
            if self._last is not None:
                await self._last

    def _withdraw(self, reason: str) -> None:
        if self._last is not None and self._last.stage is Stage.MAILBOX:
            self._last.cancel(reason)


@attrs.define(eq=False)
class IdleTicker:
    """Asks an actor for one of its commands when its device has not been heard for a while, for one life."""

    _cell: Cell
    _command: Command[..., Any]
    _seconds: float

    async def run(self) -> None:
        """Tick until cancelled."""
        since = trio.current_time()
        while True:
            due = max(since, self._cell.heard_at) + self._seconds
            if trio.current_time() < due:
                await trio.sleep_until(due)
                continue
            # One that is at work gives a sign of life, or fails, by itself.
            if self._cell.current is None and self._cell.takes_ticks(self._command):
                message = self._command.plain
                with suppress(LabtroupeError):
                    await self._cell.submit(message, None, callers_deadline=math.inf, wait_for_room=True)
            since = trio.current_time()


def ticker(cell: Cell, command: Command[..., Any], schedule: Schedule | WhenIdle) -> Ticker | IdleTicker:
    """Return what asks an actor for a command when its schedule says so."""
    if isinstance(schedule, WhenIdle):
        return IdleTicker(cell, command, schedule.seconds)
    return Ticker(cell, command, schedule)
