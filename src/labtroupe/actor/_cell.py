"""The cell: what stays of an actor while its lives come and go."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs
import trio
from trio_util import AsyncValue

from labtroupe.actor._deadlines import Deadlines
from labtroupe.actor._mailbox import Mailbox
from labtroupe.actor._reply import Reply, current
from labtroupe.errors import (
    ArgumentError,
    CommandError,
    MailboxFull,
    NotRunning,
    Outcome,
    Restarted,
    RestartLimitError,
    UnknownCommandError,
    sentence,
)
from labtroupe.lifecycle import State
from labtroupe.messages import (
    Command,
    CommandFailed,
    Event,
    Message,
    StateChanged,
    accepted_commands,
    commands_of,
)

R = TypeVar("R")

# In these states requests wait for the next life, or are carried out by this one.
_ADMITTING: Final = frozenset({State.STARTING, State.RUNNING, State.BACKOFF})


@attrs.define(eq=False)
class Cell:
    """An actor's name, mailbox and state, which survive its restarts; refs point here.

    Attributes:
        name: The actor's name, unique in its tree.
        actor_type: Its class, which knows the commands.
        watched_state: What it is doing, for those who wait for a change.
        reason: Why it is in this state, in words; may be empty.
        retry_at: When its next start is due, on trio's clock; ``None`` if none is planned.
        restarting: Whether a life that is being stopped will be followed by another.
        life: Number of its present or last life; 0 before the first.
        current: The request whose handler is running.
        up: Whether its present life takes requests out of the mailbox.
        last_done: When a request was last done, on trio's clock; ``None`` for never.
        changed_at: When ``state`` last changed, on trio's clock.
    """

    name: str
    actor_type: type[Any]
    mailbox: Mailbox
    deadlines: Deadlines
    publish: Callable[[Event], None]
    watched_state: AsyncValue[State] = attrs.field(factory=lambda: AsyncValue(State.STOPPED), init=False)
    reason: str = attrs.field(default="not started yet", init=False)
    retry_at: float | None = attrs.field(default=None, init=False)
    restarting: bool = attrs.field(default=False, init=False)
    life: int = attrs.field(default=0, init=False)
    current: Reply[object] | None = attrs.field(default=None, init=False)
    last_done: float | None = attrs.field(default=None, init=False)
    up: bool = attrs.field(default=False, init=False)
    changed_at: float = attrs.field(factory=trio.current_time, init=False)
    _accepted: frozenset[Command[..., Any]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Look up once what every message is checked against."""
        self._accepted = accepted_commands(self.actor_type)

    @property
    def state(self) -> State:
        """What it is doing."""
        return self.watched_state.value

    def come_up(self) -> None:
        """Note that a life is ready for requests."""
        self.up = True

    def go_down(self, *, for_good: bool = False) -> None:
        """Flush the mailbox because a life ends; once per life, so that who asks later meets the next one.

        Args:
            for_good: No other life is wanted; whoever says so flushes the mailbox.
        """
        if self.up and not for_good:
            self.flush(Restarted, keep_idempotent=True)
        self.up = False

    def move(self, state: State, reason: str = "", *, retry_at: float | None = None) -> None:
        """Go to another state and say so, unless nothing about it is new."""
        if (state, reason, retry_at) == (self.state, self.reason, self.retry_at):
            return
        before, self.reason, self.retry_at = self.state, reason, retry_at
        if state is not before:
            self.changed_at = trio.current_time()
            self.watched_state.value = state
        self.publish(
            StateChanged(
                instrument=self.name,
                before=before,
                after=state,
                life=self.life,
                reason=reason,
                retry_in=self._retry_in(),
            )
        )

    def submit(
        self, message: Message[R], timeout: float | None, *, callers_deadline: float, wait_for_room: bool
    ) -> Reply[R]:
        """Queue a message and return its reply, which has ended already if it was refused.

        Args:
            message: What to do.
            timeout: Seconds until the request ends at the latest; the command's own if ``None``.
            callers_deadline: When the scope around the caller ends, on trio's clock.
            wait_for_room: Stand in line if the mailbox is full.

        Raises:
            TypeError: It is no message.
            UnknownCommandError: The message is not for this class of actor.
            ArgumentError: The timeout is not a number.
        """
        self._check_ours(message)
        seconds = message.command.timeout if timeout is None else timeout
        if math.isnan(seconds):
            raise ArgumentError(f"the timeout of {message!r} must be a number of seconds, not {seconds!r}")
        now = trio.current_time()
        reply: Reply[Any] = Reply(message, min(now + seconds, callers_deadline), self, now, current.get())
        refusal = self._refusal(reply)
        if callers_deadline <= now:
            reply.cancel("the scope around its caller had ended already")
        elif reply.deadline <= now:
            reply.expire()
        elif refusal is not None:
            reply.fail(refusal)
        elif self.mailbox.full and not wait_for_room:
            reply.fail(MailboxFull(f"no room for {message!r}: {len(self.mailbox)} requests wait already"))
        else:
            self.mailbox.put(reply)
            self.deadlines.add(reply.deadline, reply)
        return reply

    def flush(self, refusal: Callable[[str], CommandError], *, keep_idempotent: bool = False) -> None:
        """End the requests that wait, each with a fresh error made from its text."""
        for reply in list(self.mailbox):
            if not (keep_idempotent and reply.message.command.idempotent):
                reply.fail(refusal(f"{reply.message!r} was still in the mailbox"))

    def refuse_the_impatient(self) -> None:
        """End the requests whose deadline comes before the next start."""
        for reply in list(self.mailbox):
            refusal = self._refusal(reply)
            if refusal is not None:
                reply.fail(refusal)

    def refuse(self, text: str) -> NotRunning:
        """Return the error that says that the present state does not allow it."""
        reason = f" ({self.reason})" if self.reason else ""
        pause = self._retry_in()
        retry = "" if pause is None else f", next try in {pause:.1f} s"
        error = NotRunning(f"{self.state}{reason}{retry}: {text}", state=self.state, retry_in=pause)
        if self.state is State.FAILED:
            error.remedy = RestartLimitError.remedy
        return error

    def note_ended(self, reply: Reply[Any], *, was_queued: bool) -> None:
        """Forget a request that has just ended, and say so unless it was done."""
        self.deadlines.note_ended()
        if was_queued and reply in self.mailbox:
            self.mailbox.withdraw(reply)
        error = reply.error
        if error is None:
            self.last_done = trio.current_time()
        else:
            self.publish(
                CommandFailed(
                    instrument=self.name,
                    command=repr(reply.message),
                    outcome=reply.outcome or Outcome.UNKNOWN,
                    code=error.code,
                    reason=sentence(error),
                )
            )

    def _refusal(self, reply: Reply[Any]) -> NotRunning | None:
        if self.state not in _ADMITTING and not self.restarting:
            return self.refuse(f"{reply.message!r} was not carried out")
        if self.retry_at is not None and self.retry_at >= reply.deadline:
            return self.refuse(f"{reply.message!r} cannot start before its deadline")
        return None

    def _check_ours(self, message: object) -> None:
        """Raise unless it is a message, and one for this class of actor."""
        command: object = getattr(message, "command", None)
        if command in self._accepted:
            return
        if command is not None:
            known = ", ".join(sorted(commands_of(self.actor_type))) or "none"
            error = UnknownCommandError(
                f"{message!r} is not a command of {self.actor_type.__name__}; its commands: {known}"
            )
            error.instrument = self.name
            raise error
        example = next(iter(commands_of(self.actor_type)), "command")
        raise TypeError(
            f"{message!r} is no message; make one by calling a command on its class,"
            f" such as {self.actor_type.__name__}.{example}()"
        )

    def _retry_in(self) -> float | None:
        return None if self.retry_at is None else max(0.0, self.retry_at - trio.current_time())
