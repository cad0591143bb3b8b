"""The cell: what stays of an actor while its lives come and go."""

from __future__ import annotations

import math
from typing import Any

import attrs
import trio
from trio_util import AsyncValue

from labtroupe.actor._admission import not_running, refusal, starts_too_late, takes_ticks
from labtroupe.actor._intake import Intake
from labtroupe.actor._latch import Latch, Safety
from labtroupe.actor._reply import Reply
from labtroupe.actor._watch import Change, Changes
from labtroupe.errors import CommandError, Halted, LinkLost, NotRunning, Restarted
from labtroupe.lifecycle import State
from labtroupe.messages import Command, StateChanged, SuspensionChanged
from labtroupe.records import SafetyReport


@attrs.define(eq=False)
class Cell(Intake):
    """An actor's name, mailbox and state, which survive its restarts; refs point here.

    Attributes:
        state: What it is doing.
        reason: Why it is in this state, in words; may be empty.
        retry_at: When its next start is due, on trio's clock; ``None`` if none is planned.
        changed_at: When ``state`` last changed, on trio's clock.
        down_since: Since when it has not been running, on trio's clock; ``None`` if it is.
        restarting: Whether a life that is being stopped will be followed by another.
        life: Number of its present or last life; 0 before the first.
        up: Whether its present life takes requests out of the mailbox.
        lost_at: When its link was lost, if that was how its last life went down; otherwise ``-inf``.
        safety: Its latch, and what has become of its safe state.
        changes: What has become of its lives, for those who watch.
    """

    state: State = attrs.field(default=State.STOPPED, init=False)
    reason: str = attrs.field(default="not started yet", init=False)
    retry_at: float | None = attrs.field(default=None, init=False)
    changed_at: float = attrs.field(factory=trio.current_time, init=False)
    down_since: float | None = attrs.field(factory=trio.current_time, init=False)
    restarting: bool = attrs.field(default=False, init=False)
    life: int = attrs.field(default=0, init=False)
    up: bool = attrs.field(default=False, init=False)
    lost_at: float = attrs.field(default=-math.inf, init=False)
    safety: Safety = attrs.field(init=False)
    _watched_state: AsyncValue[State] | None = attrs.field(default=None, init=False)
    changes: Changes = attrs.field(factory=Changes, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin without a latch."""
        super().__attrs_post_init__()
        self.safety = Safety(self.name, self.publish)

    @property
    def watched_state(self) -> AsyncValue[State]:
        """The state, for those who wait for a change."""
        if self._watched_state is None:
            # On first use: it takes more room than all the rest of a cell.
            self._watched_state = AsyncValue(self.state)
        return self._watched_state

    @property
    def latch(self) -> Latch | None:
        """What keeps it halted; ``None`` if it is not."""
        return self.safety.latch

    @property
    def suspended(self) -> bool:
        """Whether it takes no more requests until it is resumed."""
        return self.mailbox.suspended

    @property
    def retry_in(self) -> float | None:
        """Seconds until its next start; ``None`` if none is planned."""
        return None if self.retry_at is None else max(0.0, self.retry_at - trio.current_time())

    # --- its lives ---

    def come_up(self) -> None:
        """Note that a life is ready for requests."""
        self.end_grace()
        self.up, self.lost_at = True, -math.inf

    def go_down(self, *, for_good: bool = False, error: BaseException | None = None) -> None:
        """Flush the mailbox because a life ends; once per life, so that who asks later meets the next one.

        Args:
            for_good: No other life is wanted; whoever says so flushes the mailbox.
            error: Why; a link that is lost may soon be back, and until then what waits goes on waiting.
        """
        if self.up:
            if isinstance(error, LinkLost) and self.actor_type.grace > 0:
                self.lost_at = trio.current_time()
            elif not for_good:
                self.flush(Restarted, keep_idempotent=True)
            self.leases.end(self.leases.held, f"{self.name} went down", refuse_queued=True)
        self.up = False

    def end_grace(self) -> None:
        """Refuse what was asked before the link was lost, if that was too long ago."""
        if trio.current_time() >= self.lost_at + self.actor_type.grace:
            self.flush(Restarted, keep_idempotent=True, asked_until=self.lost_at)

    def move(self, state: State, reason: str = "", *, retry_at: float | None = None) -> None:
        """Go to another state and say so, unless nothing about it is new."""
        if (state, reason, retry_at) == (self.state, self.reason, self.retry_at):
            return
        before, self.reason, self.retry_at = self.state, reason, retry_at
        if state is not before:
            self._note_moved(state)
        self.publish(
            StateChanged(
                instrument=self.name,
                before=before,
                after=state,
                life=self.life,
                reason=reason,
                retry_in=self.retry_in,
            )
        )

    def _note_moved(self, state: State) -> None:
        self.changed_at = now = trio.current_time()
        if state is State.RUNNING:
            self.down_since = None
        elif self.down_since is None:
            self.down_since = now
        self.state = state
        if self._watched_state is not None:
            self._watched_state.value = state

    def tell_watchers(self, change: Change) -> None:
        """Tell all who watch what has become of a life; waits for nobody."""
        self.changes.tell(change)

    # --- its requests ---

    def refusal(self, reply: Reply[Any]) -> CommandError | None:
        """Return why a request is not let in now; ``None`` if it is."""
        special = self.mailbox.suspended or self.quarantine.crashes or reply.lease is not self.leases.held
        if self.state is State.RUNNING and self.safety.latch is None and not special:
            return None  # as nearly always, and at a fraction of the time
        return refusal(self, reply)

    def takes_ticks(self, command: Command[..., Any]) -> bool:
        """Return whether periodic work is put into the mailbox now."""
        return takes_ticks(self, command)

    def refuse_the_impatient(self) -> None:
        """End the requests whose deadline comes before the next start."""
        for reply in list(self.mailbox):
            error = starts_too_late(self, reply)
            if error is not None:
                reply.fail(error)

    def refuse(self, text: str) -> NotRunning:
        """Return the error that says that the present state does not allow it."""
        return not_running(self, text)

    # --- what a person wants of it ---

    def halt(self, latch: Latch, *, hold: bool = False) -> None:
        """Let nothing begin any more: cancel what runs, refuse what waits and what comes, until `reset`.

        Its safe state is due at once, before anything else; see `wait_safe`.  Never waits.

        Args:
            latch: What keeps it halted.
            hold: Its safe state waits for `release`, because that of another comes first.
        """
        self.safety.set(latch, held=hold)
        if latch.leave:
            self.safety.note(latch, "it is left as it is")
        elif not self.actor_type.declares_safe_state():
            self.safety.note(latch, "no safe state is declared")
        halted = f"halted ({latch.reason})"
        if self.current is not None:
            self.current.fail(Halted(f"{halted}: {self.current.message!r} was cut off"))
        # Or what `unless_halted` does in a life that is still starting.
        self.scope.cancel(halted)
        self.flush(lambda text: Halted(f"{halted}: {text}"))
        self.mailbox.rouse()
        self.move(State.HALTED, latch.reason)

    def release(self) -> None:
        """Let its safe state begin; does nothing if it has."""
        self.safety.held = False
        self.mailbox.rouse()

    def reset(self) -> None:
        """Let go of the latch; does nothing if there is none."""
        self.safety.set(None)

    async def wait_safe(self) -> SafetyReport:
        """Wait for the safe state after `halt`, at most its own timeout, and return what is known of it."""
        if self.safety.report is None and (self.up or self.restarting):
            with trio.move_on_after(self.actor_type.safe_state_timeout):
                await self.safety.wait_report()
        return self.safety.report or SafetyReport(self.name, confirmed=False, reason=self._hindrance())

    def suspend(self) -> None:
        """Take no more requests, except urgent ones, once the present one has ended; does nothing again."""
        self._suspend(suspended=True)

    def resume(self) -> None:
        """Take requests again; does nothing if it does."""
        self._suspend(suspended=False)

    def clear_quarantine(self) -> None:
        """Carry out again what was in quarantine."""
        self.quarantine.clear()

    def _suspend(self, *, suspended: bool) -> None:
        if suspended is not self.suspended:
            self.mailbox.suspended = suspended
            self.mailbox.rouse()
            self.publish(SuspensionChanged(instrument=self.name, suspended=suspended))

    def _hindrance(self) -> str:
        """Return why the safe state was not even tried, or is not done in time."""
        if self.latch is None:
            return "it was reset, or never halted"
        if self.current is not None:
            return f"{self.current.message!r} was cut off, and does not end"
        return f"not done within {self.actor_type.safe_state_timeout:g} s" if self.up else "it is not running"
