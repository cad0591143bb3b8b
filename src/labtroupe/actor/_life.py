"""One life of an actor at work: one command at a time, and what comes before the next one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import attrs
import trio

from labtroupe.actor._cell import Cell
from labtroupe.actor._context import current, making_safe
from labtroupe.actor._latch import Latch
from labtroupe.actor._reply import Reply
from labtroupe.errors import (
    CommandCancelled,
    CommandCrashed,
    CommandError,
    LabtroupeError,
    LinkError,
    LinkLost,
    bare,
    sentence,
)
from labtroupe.messages import Command, LateAnswer, LinkInStep, LinkSuspect, commands_of

if TYPE_CHECKING:
    from labtroupe.actor._actor import Actor

_GRAIN: Final = 2.0**-6
"""Seconds to which the deadline of a handler is rounded up."""

RECOVERY_LIMIT: Final = 20.0
"""Seconds an actor may take to get in step again before its life is over."""


@attrs.define(eq=False)
class Life:
    """One life of an actor, from its start to the end of its last command.

    Attributes:
        cell: What stays of the actor after it.
        actor: The object that does the work.
        finished: It is to end without an error, after the present command.
        over: It has ended.
    """

    cell: Cell
    actor: Actor
    finished: bool = attrs.field(default=False, init=False)
    over: bool = attrs.field(default=False, init=False)
    # The latch under which the safe state was tried: once in a life is enough.
    _tried: Latch | None = attrs.field(default=None, init=False)
    _commands: Mapping[str, Command[..., Any]] = attrs.field(init=False)
    # When the scope of the present handler fires.
    _limit: float = attrs.field(default=math.inf, init=False)
    # Its task, and how many nurseries this has opened outside the handlers.
    _task: trio.lowlevel.Task = attrs.field(factory=trio.lowlevel.current_task, init=False)
    _nurseries: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Look up the commands."""
        self._commands = commands_of(type(self.actor))

    def finish(self) -> None:
        """Let it end without an error, after the present command."""
        if self.over or self.finished:
            return
        self.finished = True
        # At once, so that who sees the present command end, and asks again, meets the next life.
        self.cell.go_down()
        self.cell.mailbox.rouse()

    def contains(self, task: trio.lowlevel.Task) -> bool:
        """Return whether a handler that runs now cannot end before ``task`` does.

        That is its own task, or one in a nursery that the handler has opened, and
        not in one that is open beside all of them.
        """
        while task is not self._task:
            nursery = task.parent_nursery
            if nursery is None:
                return False
            task = nursery.parent_task
            if task is self._task and nursery in task.child_nurseries[: self._nurseries]:
                return False
        return True

    async def serve(self) -> None:
        """Carry out one command after the other, until finished, cancelled or crashed."""
        self._nurseries = len(self._task.child_nurseries)
        # Whoever has to know that it is up hears of it before its first answer is seen.
        await trio.lowlevel.checkpoint()
        while True:
            self.cell.mailbox.roused = False
            if self._safe_state_is_due:
                await self._make_safe()
            elif self.finished:
                return
            elif self.actor.suspicion is not None:
                # With no request in hand, which a failing recovery would take down with it.
                await self._recover(self.actor.suspicion)
            else:
                await self._carry_out_commands()

    @property
    def _safe_state_is_due(self) -> bool:
        safety = self.cell.safety
        latch = safety.latch
        if latch is None or latch.leave or safety.held or latch is self._tried or safety.confirmed:
            return False
        return self.actor.declares_safe_state()

    async def _carry_out_commands(self) -> None:
        """Carry out commands, until something else comes first, or one was cut off or has failed."""
        cell = self.cell
        try:
            # One scope for all of them, as to open one costs as much as the rest of a
            # command; whatever it has cancelled, it is left and replaced by the next.
            self._limit = math.inf
            with trio.CancelScope() as cell.scope:
                await self._take_turns()
            if cell.current is not None:
                cell.current.expire()
        except BaseException as error:
            if not self._has_answered(bare(error)):
                raise
        finally:
            cell.current = None
            current.set(None)

    async def _take_turns(self) -> None:
        while not self._something_comes_first():
            # A checkpoint, and so the end of a scope that a handler has outlived.
            await self.cell.mailbox.wait_request()
            # Again, as something may have come in while there was nothing to do.
            if not self._something_comes_first():
                await self._carry_out_next()

    def _something_comes_first(self) -> bool:
        return self.cell.mailbox.roused or self.actor.suspicion is not None

    async def _carry_out_next(self) -> None:
        cell, request = self.cell, self.cell.mailbox.take()
        if request is None:
            return
        if request.deadline <= trio.current_time():
            # A cancel scope that has expired still runs its body up to the first
            # checkpoint, and that may be the one that sends.
            request.expire()
            return
        cell.current = request
        current.set(request)
        self._move_deadline(request.limit)
        try:
            if not self.actor.marks_its_acts:
                request.mark_acted()
            message = request.message
            function = self._commands[message.command.name].function
            value = await function(self.actor, *message.args, **dict(message.kwargs))
            if not request.succeed(value):
                cell.publish(LateAnswer(instrument=cell.name, command=repr(message)))
            cell.current = None
            current.set(None)
        finally:
            # The frames in an error's traceback hold this one, and the request holds the
            # error: a cycle that would wait for the garbage collector.
            del request

    def _move_deadline(self, limit: float) -> None:
        """Have the present handler cancelled at ``limit`` or a little later, and let it see that.

        The deadline of its request cancels it to the point.  To move this one
        takes trio a fifth of a whole request, so it is moved less often.
        """
        rounded = limit if limit == math.inf else -(-limit // _GRAIN) * _GRAIN
        if rounded != self._limit:
            self._limit = self.cell.scope.deadline = rounded

    def _has_answered(self, error: BaseException) -> bool:
        """End the present request with an error, and return whether that is an answer and no crash."""
        cell, request = self.cell, self.cell.current
        if request is None:
            return False
        if _is_answer(error, cell) and self.actor.suspicion is None:
            if not request.fail(error):
                command, reason = repr(request.message), sentence(error)
                cell.publish(LateAnswer(instrument=cell.name, command=command, reason=reason))
            return True
        # Before the verdict becomes visible: a caller who sees it and asks again
        # at once is to reach the next life, not the queue of this one.
        cell.go_down(error=error)
        # A cable that was pulled three times says nothing about the command.
        if isinstance(error, Exception) and not isinstance(error, LinkError):
            cell.note_crash(request.message.command.name)
        request.fail(_verdict(request, error, type(self.actor)))
        return False

    async def _recover(self, suspicion: str) -> None:
        cell = self.cell
        cell.publish(LinkSuspect(instrument=cell.name, reason=suspicion))
        began = trio.current_time()
        with trio.move_on_after(RECOVERY_LIMIT) as scope:
            await self.actor.recover()
        if scope.cancelled_caught or self.actor.suspicion is not None:
            elapsed = trio.current_time() - began
            raise LinkLost(f"not in step again within {elapsed:.3g} s: {suspicion}")
        cell.publish(LinkInStep(instrument=cell.name, elapsed=trio.current_time() - began))

    async def _make_safe(self) -> None:
        """Bring the device into its safe state, and say how that went."""
        actor, safety = self.actor, self.cell.safety
        latch = self._tried = safety.latch
        assert latch is not None  # noqa: S101 - or it would not be due
        try:
            if actor.suspicion is not None:
                await self._recover(actor.suspicion)
                if latch is not safety.latch:
                    return  # It was reset, or halted anew, meanwhile.
            making_safe.set(True)
            with trio.move_on_after(actor.safe_state_timeout) as scope:
                await actor.safe_state()
        except Exception as error:
            error = bare(error)
            safety.note(latch, sentence(error, type(actor)))
            if not (_is_answer(error, self.cell) and actor.suspicion is None):
                raise
            return
        finally:
            making_safe.set(False)
        late = f"not done within {actor.safe_state_timeout:g} s" if scope.cancel_called else None
        safety.note(latch, late or actor.suspicion)


def _is_answer(error: BaseException, cell: Cell) -> TypeGuard[CommandError | LinkError]:
    """Return whether an error is one for the caller alone: the actor itself is in order."""
    others = isinstance(error, LinkError) and error.instrument not in {None, cell.name}
    return isinstance(error, CommandError) or others


def _verdict(request: Reply[object], error: BaseException, code: type[Actor]) -> LabtroupeError:
    """Return what the caller is told about an error that ends the actor's life."""
    if isinstance(error, CommandError | LinkError):
        return error
    if isinstance(error, trio.Cancelled):
        return CommandCancelled(f"{request.message!r} was cancelled: the actor went down under it")
    verdict = CommandCrashed(f"{request.message!r} crashed: {sentence(error, code)}")
    verdict.__cause__ = error
    return verdict
