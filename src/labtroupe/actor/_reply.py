"""The reply: the future of one request, and the request itself while it lasts."""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterator
from copy import copy
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import attrs
import trio

from labtroupe.actor._context import living
from labtroupe.actor._waits import note_wait
from labtroupe.actor._wake import WOKEN
from labtroupe.errors import CommandCancelled, CommandError, CommandTimeout, LabtroupeError, Outcome
from labtroupe.messages import Message

if TYPE_CHECKING:
    from labtroupe.actor._gather import Gathering
    from labtroupe.actor._intake import Intake
    from labtroupe.actor._lease import Lease

R_co = TypeVar("R_co", covariant=True)


class Stage(enum.StrEnum):
    """How far a request has come; it never goes back."""

    MAILBOX = "mailbox"
    RUNNING = "running"
    ENDED = "ended"


@attrs.define(eq=False, repr=False)
class Reply(Generic[R_co]):
    """The future answer to one message: await it, or `cancel` it.

    A request ends exactly once; whoever ends it first decides how.  Awaiting
    raises the request's error, if it ended in one.  To be cancelled while
    awaiting withdraws the request, as if by `cancel`.

    Attributes:
        message: What was asked.
        cell: Of whom.
        asked_at: When, on trio's clock.
        deadline: When it ends at the latest, on the same clock.
        limit: When its handler is cancelled at the latest: at the deadline, or at the
            end of its own timeout if it is not interruptible.
        parent: The request whose handler has asked for it, if any.
        lease: The lease it was asked under, if any.
        acted: Whether the device may have noticed anything of it.
        outcome: What became of it; ``None`` until it has ended.
        error: Why it was not done; ``None`` if it was, or until it has ended.
        awaits: What its own handler waits for, and perhaps some that have ended.
    """

    message: Message[R_co]
    cell: Intake
    asked_at: float
    deadline: float
    limit: float
    parent: Reply[object] | None = None
    lease: Lease | None = None
    acted: bool = attrs.field(default=False, init=False)
    outcome: Outcome | None = attrs.field(default=None, init=False)
    error: LabtroupeError | None = attrs.field(default=None, init=False)
    awaits: tuple[Reply[object], ...] = attrs.field(default=(), init=False)
    _value: R_co | None = attrs.field(default=None, init=False)
    _waiter: trio.lowlevel.Task | None = attrs.field(default=None, init=False)
    _gathering: Gathering | None = attrs.field(default=None, init=False)

    @property
    def ended(self) -> bool:
        """Whether it has an outcome."""
        return self.outcome is not None

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it now."""
        return self._waiter is not None

    @property
    def sender(self) -> str:
        """The actor that has asked, else the task that waits for the answer; empty if nobody does."""
        if self.parent is not None:
            return self.parent.cell.name
        if self._waiter is None:
            return ""
        life = self._waiter.context.get(living)
        return self._waiter.name if life is None else life.cell.name

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        if self.outcome is not None:
            return Stage.ENDED
        return Stage.RUNNING if self.cell.current is self else Stage.MAILBOX

    @property
    def value(self) -> R_co | None:
        """The answer; ``None`` until it has ended, and where it was not done."""
        return self._value

    def cancel(self, reason: str = "its caller withdrew it") -> None:
        """End it now; its handler is cancelled if it is interruptible.  Does nothing once it has ended."""
        if not self.ended:
            self.end_early(CommandCancelled(f"{self.message!r} was cancelled: {reason}"), reason)

    def expire(self) -> None:
        """End it because its deadline has come.  Does nothing once it has ended."""
        if self.ended:
            return
        elapsed = trio.current_time() - self.asked_at
        where = "it was still in the mailbox" if self.stage is Stage.MAILBOX else "it was running"
        text = f"{self.message!r} was not done within {elapsed:.3g} s; {where}"
        self.end_early(CommandTimeout(text, stage=self.stage, elapsed=elapsed), "deadline")

    def end_early(self, error: CommandError, reason: str) -> None:
        """End it with an error for the caller; its handler is cancelled if it is interruptible."""
        self.fail(error)
        if self.message.command.interruptible:
            self.cell.cut_off(self, reason)

    def succeed(self, value: object) -> bool:
        """End it with its value, and return whether it was the first to end it."""
        if self.outcome is not None:
            return False
        self.outcome, self._value = Outcome.DONE, cast("R_co", value)
        self.cell.note_done(self, value)
        if self._waiter is not None:
            self._wake(self._waiter)
        return True

    def fail(self, error: LabtroupeError) -> bool:
        """End it with an error, and return whether it was the first to end it.

        Sets ``error.outcome`` to what is known: nothing may say ``not_sent``
        once the device may have noticed something.
        """
        # Synchronous, and the first one wins: this also runs in `finally` under cancellation.
        if self.outcome is not None:
            return False
        outcome = error.outcome
        if outcome is not Outcome.REFUSED:
            outcome = Outcome.UNKNOWN if self.acted else Outcome.NOT_SENT
        if error.instrument is None:
            error.instrument, error.outcome = self.cell.name, outcome
        elif error.outcome is not outcome:
            # It has ended a request of ours to somebody else, and says what became of that.
            error, cause = copy(error), error
            error.outcome, error.__cause__ = outcome, cause
        was_queued = self.stage is Stage.MAILBOX
        self.outcome, self.error = outcome, error
        self.cell.note_failed(self, error, was_queued=was_queued)
        if self._waiter is not None:
            self._wake(self._waiter)
        return True

    def mark_acted(self) -> None:
        """Note that it is about to act on the world, and with it whoever has asked for it.

        Raises:
            CommandCancelled: One of these has ended for its caller, who has been
                told that nothing was sent; nothing may be sent any more.
        """
        if self.parent is None and self.outcome is None:
            self.acted = True
            return
        chain = list(self._with_parents())
        if any(each.outcome is Outcome.NOT_SENT for each in chain):
            raise CommandCancelled(f"{self.message!r} has ended already, nothing is sent")
        for each in chain:
            each.acted = True

    def _with_parents(self) -> Iterator[Reply[object]]:
        request: Reply[object] | None = self
        while request is not None:
            yield request
            request = request.parent

    async def wait(self) -> R_co:
        """Wait for the answer; the same as awaiting the reply itself.

        Raises:
            CommandError: It was not done; ``outcome`` says what may have happened.
                At the deadline of a scope around the caller that is not an
                error but the cancellation by that scope.
            LinkError: The connection broke on the way.
            trio.BusyResourceError: Another task is waiting for it already.
        """
        if self.outcome is not None:
            await trio.lowlevel.checkpoint()
        elif self.claim():
            await trio.lowlevel.wait_task_rescheduled(self._abandon)
        if self.error is None:
            return cast("R_co", self._value)
        if isinstance(self.error, CommandTimeout):
            # Our deadline is often that of a scope around the caller, and
            # whoever wrote `move_on_after` wants to be cancelled by it.
            await trio.lowlevel.checkpoint_if_cancelled()
        try:
            return self.unwrap()
        finally:
            # The error's traceback holds this frame, and we hold the error: a
            # cycle that would wait for the garbage collector with all it holds.
            del self

    def claim(self, gathering: Gathering | None = None) -> bool:
        """Have the present task woken at its end, and return whether that is still to come.

        Ends it at once if the handler that runs here would wait for itself.

        Args:
            gathering: Those of which only the last wakes the task.

        Raises:
            trio.BusyResourceError: Another task is waiting for it already.
        """
        if self._waiter is not None:
            raise trio.BusyResourceError(f"another task already waits for {self!r}")
        if living.get() is not None:
            note_wait(self)
            if self.outcome is not None:
                return False
        self._waiter, self._gathering = trio.lowlevel.current_task(), gathering
        return True

    def unwrap(self) -> R_co:
        """Return the value it has ended with, or raise the error."""
        try:
            if self.error is not None:
                raise self.error
            return cast("R_co", self._value)
        finally:
            del self  # as in `wait`

    def let_go(self, *, cancelled: bool) -> None:
        """Wake nobody at its end; it ends now if that is because its caller was ``cancelled``."""
        self._waiter = None
        if cancelled:
            self.cancel("its caller was cancelled")

    def __await__(self) -> Generator[Any, Any, R_co]:
        """Wait for the answer."""
        return self.wait().__await__()

    def __repr__(self) -> str:
        """Return a short description with the outcome so far."""
        return f"<reply to {self.message!r} of {self.cell.name}: {self.outcome or self.stage}>"

    def _wake(self, waiter: trio.lowlevel.Task) -> None:
        self._waiter = None
        if self._gathering is None or self._gathering.is_last():
            trio.lowlevel.reschedule(waiter, WOKEN)

    def _abandon(self, _: Callable[[], None]) -> trio.lowlevel.Abort:
        self.let_go(cancelled=True)
        return trio.lowlevel.Abort.SUCCEEDED
