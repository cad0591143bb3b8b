"""The intake: the requests of an actor, from their being let in to their end."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import attrs
import trio

from labtroupe.actor._admission import not_ours
from labtroupe.actor._context import current
from labtroupe.actor._deadlines import Deadlines
from labtroupe.actor._lease import Lease, Leases
from labtroupe.actor._mailbox import Mailbox
from labtroupe.actor._quarantine import Quarantine
from labtroupe.actor._readings import Readings
from labtroupe.actor._reply import Reply
from labtroupe.errors import (
    ArgumentError,
    CommandError,
    LabtroupeError,
    MailboxFull,
    Outcome,
    Quarantined,
    sentence,
)
from labtroupe.messages import (
    Command,
    CommandFailed,
    CommandQuarantined,
    Event,
    Message,
    accepted_commands,
)

R = TypeVar("R")


@attrs.define(eq=False)
class Intake:
    """The half of a `Cell` that deals with requests.

    Attributes:
        name: The actor's name, unique in its tree.
        actor_type: Its class, which knows the commands.
        current: The request whose handler is running.
        scope: Cancels that handler.
        wake_up: Called with each request of one that starts on demand and has not.
        last_done: When a request was last done, on trio's clock; ``None`` for never.
        heard_at: When one was that has reached the device; ``-inf`` for never.
        leases: Who has the actor for himself.
        quarantine: The commands that are not carried out any more.
        readings: The last answers of its readings.
    """

    name: str
    actor_type: type[Any]
    mailbox: Mailbox
    deadlines: Deadlines
    publish: Callable[[Event], None]
    current: Reply[object] | None = attrs.field(default=None, init=False)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    wake_up: Callable[[], None] | None = attrs.field(default=None, init=False)
    last_done: float | None = attrs.field(default=None, init=False)
    heard_at: float = attrs.field(default=-math.inf, init=False)
    leases: Leases = attrs.field(init=False)
    quarantine: Quarantine = attrs.field(init=False)
    readings: Readings = attrs.field(init=False)
    _accepted: frozenset[Command[..., Any]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Look up once what every message is checked against."""
        self._accepted = accepted_commands(self.actor_type)
        self.leases = Leases(self.name, self.mailbox, self.publish)
        self.quarantine = Quarantine(self.actor_type.quarantine_after)
        self.readings = Readings(self.actor_type)

    @abstractmethod
    def refusal(self, reply: Reply[Any]) -> CommandError | None:
        """Return why a request is not let in now; ``None`` if it is."""

    def submit(
        self,
        message: Message[R],
        timeout: float | None,
        callers_deadline: float,
        lease: Lease | None = None,
        *,
        wait_for_room: bool,
    ) -> Reply[R]:
        """Queue a message and return its reply, which has ended already if it was refused.

        Args:
            message: What to do.
            timeout: Seconds until the request ends at the latest; the command's own if ``None``.
            callers_deadline: When the scope around the caller ends, on trio's clock.
            lease: The lease under which it is asked.
            wait_for_room: Stand in line if the mailbox is full.

        Raises:
            TypeError: It is no message.
            UnknownCommandError: The message is not for this class of actor.
            ArgumentError: The timeout is not a number.
        """
        if getattr(message, "command", None) not in self._accepted:
            raise not_ours(self.name, self.actor_type, message)
        seconds = message.command.timeout if timeout is None else timeout
        if math.isnan(seconds):
            raise ArgumentError(f"the timeout of {message!r} must be a number of seconds, not {seconds!r}")
        now = trio.current_time()
        deadline = min(now + seconds, callers_deadline)
        limit = deadline if message.command.interruptible else now + seconds
        reply: Reply[Any] = Reply(message, self, now, deadline, limit, current.get(), lease)
        if callers_deadline <= now:
            reply.cancel("the scope around its caller had ended already")
        elif deadline <= now:
            reply.expire()
        else:
            self._let_in(reply, wait_for_room=wait_for_room)
        return reply

    def _let_in(self, reply: Reply[Any], *, wait_for_room: bool) -> None:
        refusal = self.refusal(reply)
        if refusal is not None:
            reply.fail(refusal)
        elif not wait_for_room and not self.mailbox.has_room_for(reply):
            reply.fail(
                MailboxFull(f"no room for {reply.message!r}: {len(self.mailbox)} requests wait already")
            )
        else:
            self.mailbox.put(reply)
            self.deadlines.add(reply.deadline, reply)
            if self.wake_up is not None:
                self.wake_up()

    def cut_off(self, reply: Reply[Any], reason: str) -> None:
        """Cancel the handler of a request, if it is running."""
        if self.current is reply:
            self.scope.cancel(reason)

    def flush(
        self,
        refusal: Callable[[str], CommandError],
        *,
        keep_idempotent: bool = False,
        asked_until: float = math.inf,
    ) -> None:
        """End the requests that wait, each with a fresh error made from its text.

        Args:
            refusal: Makes the error.
            keep_idempotent: Leave those which the next life may as well carry out:
                idempotent ones, and the stop lane.
            asked_until: Leave those that were asked then or later.
        """

        def may_stay(reply: Reply[object]) -> bool:
            command = reply.message.command
            harmless = keep_idempotent and (command.idempotent or command.urgent)
            return harmless or reply.asked_at >= asked_until

        for reply in self.mailbox.take_out(all_but=may_stay):
            reply.fail(refusal(f"{reply.message!r} was still in the mailbox"))

    def note_done(self, reply: Reply[Any], value: object) -> None:
        """Note that a request has just been done."""
        self.deadlines.note_ended()
        self.last_done = now = trio.current_time()
        if reply.acted:
            self.heard_at = now
        if self.quarantine.crashes:
            self.quarantine.note_done(reply.message.command.name)
        self.readings.note_done(reply.message, value)

    def note_failed(self, reply: Reply[Any], error: LabtroupeError, *, was_queued: bool) -> None:
        """Forget a request that has just ended without being done, and say so."""
        self.deadlines.note_ended()
        if was_queued and reply in self.mailbox:
            self.mailbox.withdraw(reply)
        if error.has_event and reply.awaited:
            return
        self.publish(
            CommandFailed(
                instrument=self.name,
                command=repr(reply.message),
                outcome=reply.outcome or Outcome.UNKNOWN,
                code=error.code,
                reason=sentence(error),
            )
        )

    def note_crash(self, command: str) -> None:
        """Note that a command has crashed the actor, which may put it into quarantine."""
        if self.quarantine.note_crash(command):
            self.publish(CommandQuarantined(instrument=self.name, command=command))
            for reply in list(self.mailbox):
                if reply.message.command.name == command:
                    reply.fail(Quarantined(f"{reply.message!r} has crashed it, and was still in the mailbox"))
