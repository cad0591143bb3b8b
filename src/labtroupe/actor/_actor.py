"""The actor: one mailbox, one task, one command at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final, TypeGuard

import attrs
import trio

from labtroupe.actor._cell import Cell
from labtroupe.actor._reply import Reply, current
from labtroupe.errors import (
    CommandCancelled,
    CommandCrashed,
    CommandError,
    LabtroupeError,
    LinkError,
    LinkLost,
    bare,
)
from labtroupe.messages import Command, LinkInStep, LinkSuspect, commands_of

RECOVERY_LIMIT: Final = 20.0
"""Seconds an actor may take to get in step again before its life is over."""


@attrs.define(eq=False)
class Actor:
    """The base of everything that has a mailbox.

    A subclass declares commands (`labtroupe.command`) and overrides the hooks
    it needs.  One object is one life: after a crash the supervisor makes
    another, so whatever one life got wrong dies with it.
    """

    marks_its_acts: ClassVar[bool] = False
    """Whether the commands call `mark_acted` themselves before they act on the device.

    Without it, a command counts as having acted as soon as it has started.
    """

    @property
    def suspicion(self) -> str | None:
        """Why `recover` must be called before the next command may run; ``None`` if it may."""
        return None

    @property
    def in_step(self) -> bool:
        """Whether the next command may run."""
        return self.suspicion is None

    async def on_start(self) -> None:
        """Get ready for the first command; to return means ready, to raise is a failed start."""

    async def on_stop(self) -> None:
        """Let go of everything; shielded and bounded, once per life, after a failed start too."""

    async def attend(self) -> None:
        """Watch over what this life owns, beside its commands; to raise crashes it, to return is fine."""

    async def recover(self) -> None:
        """Get in step again, between two commands; to raise crashes this life."""


def mark_acted() -> None:
    """Note that the command now running is about to act on the device.

    To be called before the first byte goes out.  Does nothing outside a command.

    Raises:
        CommandCancelled: The command has ended for its caller, who has been
            told that nothing was sent; nothing may be sent any more.
    """
    request = current.get()
    if request is not None:
        request.mark_acted()


async def live(cell: Cell, actor: Actor, *, started: Callable[[], None]) -> None:
    """Live one life: get ready, then carry out one command after the other, until cancelled or crashed."""
    current.set(None)  # Spawned from inside a command, a task inherits its context.
    await actor.on_start()
    started()
    if type(actor).attend is Actor.attend:
        await _serve(cell, actor)
    else:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(actor.attend)
            await _serve(cell, actor)


async def _serve(cell: Cell, actor: Actor) -> None:
    commands = commands_of(type(actor))
    while True:
        # After a command that was cut off, and again if something came in while
        # there was nothing to do; never with a request in hand, which a failing
        # recovery would take down with it.
        if actor.suspicion is not None:
            await _recover(cell, actor, actor.suspicion)
        await cell.mailbox.wait_request()
        if actor.in_step:
            request = cell.mailbox.take()
            await _carry_out(cell, actor, commands[request.message.command.name], request)
            del request  # An idle actor keeps nobody's answer alive.


async def _recover(cell: Cell, actor: Actor, suspicion: str) -> None:
    cell.publish(LinkSuspect(instrument=cell.name, reason=suspicion))
    began = trio.current_time()
    with trio.move_on_after(RECOVERY_LIMIT) as scope:
        await actor.recover()
    if scope.cancelled_caught or not actor.in_step:
        elapsed = trio.current_time() - began
        raise LinkLost(f"not in step again within {elapsed:.3g} s: {suspicion}")
    cell.publish(LinkInStep(instrument=cell.name, elapsed=trio.current_time() - began))


async def _carry_out(cell: Cell, actor: Actor, command: Command[..., object], request: Reply[object]) -> None:
    if request.deadline <= trio.current_time():
        # A cancel scope that has expired still runs its body up to the first
        # checkpoint, and that may be the one that sends.
        request.expire()
        return
    args, kwargs = request.message.args, dict(request.message.kwargs)
    cell.current = request
    token = current.set(request)
    try:
        with trio.CancelScope(deadline=request.deadline) as scope:
            request.begin(scope, acted=not actor.marks_its_acts)
            request.succeed(await command.function(actor, *args, **kwargs))
        if scope.cancelled_caught:
            request.expire()
    except BaseException as error:
        error = bare(error)
        if _is_answer(error, cell) and actor.in_step:
            # Without the frame that caught it, which holds the request, which holds
            # the error: a cycle that would wait for the garbage collector.
            request.fail(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next))
        else:
            # Before the verdict becomes visible: a caller who sees it and asks again
            # at once is to reach the next life, not the queue of this one.
            cell.go_down()
            request.fail(_verdict(request, error))
            raise
    finally:
        current.reset(token)
        cell.current = None
        # Since Python 3.12 the frames in the error's traceback hold this one too.
        del request


def _is_answer(error: BaseException, cell: Cell) -> TypeGuard[CommandError | LinkError]:
    """Return whether an error is one for the caller alone: the actor itself is in order."""
    others = isinstance(error, LinkError) and error.instrument not in {None, cell.name}
    return isinstance(error, CommandError) or others


def _verdict(request: Reply[object], error: BaseException) -> LabtroupeError:
    """Return what the caller is told about an error that ends the actor's life."""
    if isinstance(error, CommandError | LinkError):
        return error
    if isinstance(error, trio.Cancelled):
        return CommandCancelled(f"{request.message!r} was cancelled: the actor went down under it")
    verdict = CommandCrashed(f"{request.message!r} crashed: {error!r}")
    verdict.__cause__ = error
    return verdict
