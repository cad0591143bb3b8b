"""The actor: one mailbox, one task, one command at a time."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import ClassVar

import attrs
import trio

from labtroupe.actor._background import run_beside, tasks_beside
from labtroupe.actor._cell import Cell
from labtroupe.actor._context import current, living
from labtroupe.actor._latch import Latch
from labtroupe.actor._life import Life
from labtroupe.messages import Event


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

    safe_state_timeout: ClassVar[float] = 2.0
    """Seconds that the device may take to get into its safe state."""
    safe_state_order: ClassVar[int] = 0
    """When many are halted at once, lower numbers come first, and the same ones side by side."""
    safe_on_stop: ClassVar[bool] = False
    """Whether the device is brought into its safe state whenever the actor is stopped, too."""
    quarantine_after: ClassVar[float] = 3
    """Crashes in a row after which a command is not carried out any more; `math.inf` for never."""

    grace: ClassVar[float] = 0.0
    """Seconds for which what waits in the mailbox goes on waiting when the link was lost."""
    stale_after: ClassVar[float] = math.inf
    """Seconds without a sign of life from the device after which to be running means nothing any more."""

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

    async def recover(self) -> None:
        """Get in step again, between two commands; to raise crashes this life."""

    async def safe_state(self) -> None:
        """Bring the device into its safe state, because the actor was halted.

        Called between two commands and in step, once in each life until it has
        returned in time.  It must not mind being called twice.  A `CommandError`
        says that the device refuses; to raise anything else crashes this life.
        """

    @property
    def heritable(self) -> bool:
        """Whether the next life may take over what this one, which has failed, holds open; see `inherit`."""
        return False

    def inherit(self, former: Actor) -> None:
        """Take over what a former life has left open; called before `on_start`.

        That life was not stopped: its `on_stop` is not called.

        Args:
            former: The object of that life, of the same class; it was `heritable`.
        """

    @classmethod
    def declares_safe_state(cls) -> bool:
        """Return whether the class has a safe state."""
        return cls.safe_state is not Actor.safe_state


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


def finish() -> None:
    """End the present life of the actor without an error, after the present command.

    To be called in its `Actor.on_start`, its commands, and its background tasks;
    does nothing elsewhere.  In `Actor.on_start` it is the end of a life that
    never took a request.
    """
    life = living.get()
    if life is not None:
        life.finish()


def publish(event: Callable[[str], Event]) -> None:
    """Publish an event of the actor whose code this is: what ``event`` makes of its name.

    Does nothing outside a life.
    """
    life = living.get()
    if life is not None:
        life.cell.publish(event(life.cell.name))


def is_halted() -> bool:
    """Whether the actor whose code this is is halted; outside a life nothing is."""
    life = living.get()
    return life is not None and life.cell.latch is not None


def times_halted() -> int:
    """Return how often the actor whose code this is was halted, in all its lives; outside a life never."""
    life = living.get()
    return 0 if life is None else life.cell.safety.halts


def halt_itself(reason: str) -> None:
    """Halt the actor whose code this is, with its device left as it is, until a person resets it.

    To be called in its `Actor.on_start`; does nothing if it is halted, or outside a life.
    """
    life = living.get()
    if life is not None and life.cell.latch is None:
        life.cell.halt(Latch(reason, leave=True))


async def unless_halted(work: Callable[[], Awaitable[None]]) -> bool:
    """Do what a halted actor must not do, and return whether it was done.

    To be called in `Actor.on_start`: it is not begun if the actor is halted, and cut off by a halt.
    """
    life = living.get()
    if life is None:
        await work()
        return True
    with trio.CancelScope() as life.cell.scope:
        if not is_halted():
            await work()
            return True
    return False


async def live(cell: Cell, actor: Actor, *, started: Callable[[], None]) -> None:
    """Live one life: get ready, then carry out one command after the other, until cancelled or crashed."""
    current.set(None)  # Spawned from inside a command, a task inherits its context.
    life = Life(cell, actor)
    living.set(life)
    try:
        await actor.on_start()
        if not life.finished:
            started()
            await _serve(life)
    finally:
        life.over = True


async def _serve(life: Life) -> None:
    """Carry out commands, beside the background tasks."""
    beside = tasks_beside(life.cell, life.actor)
    if not beside:
        await life.serve()
        return
    async with trio.open_nursery() as nursery:
        for name, work in beside:
            nursery.start_soon(run_beside, life.cell, name, work, name=f"{life.cell.name}: {name}")
        await life.serve()
        nursery.cancel_scope.cancel("the actor has finished")
