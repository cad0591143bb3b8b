"""One actor that lives one life after the other, without a supervisor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import attrs
import trio

from labtroupe.actor import Actor, ActorRef, Cell, Deadlines, Mailbox, live
from labtroupe.errors import bare
from labtroupe.lifecycle import State
from labtroupe.messages import CommandFailed, Event

A = TypeVar("A", bound=Actor)


@attrs.define(eq=False)
class Lives(Generic[A]):
    """An actor on a stage, with all that can be seen of it from outside.

    Attributes:
        pause: Seconds between two lives.
        crashes: What its lives have ended with.
        actor: Its present or last life.
        scope: Ends the present life when cancelled, as a supervisor does for a restart.
    """

    ref: ActorRef[A]
    cell: Cell
    actor: A
    pause: float = 0.0
    events: list[Event] = attrs.field(factory=list[Event])
    crashes: list[Exception] = attrs.field(factory=list[Exception])
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    @property
    def failures(self) -> list[str]:
        """The code of each request that was not done, in order."""
        return [event.code for event in self.events if isinstance(event, CommandFailed)]

    async def one_life(self) -> None:
        """Live until crashed, or until the scope is cancelled."""
        self.cell.life += 1
        self.cell.move(State.STARTING)

        def started() -> None:
            self.cell.come_up()
            self.cell.move(State.RUNNING)

        try:
            with trio.CancelScope() as self.scope:
                try:
                    await live(self.cell, self.actor, started=started)
                finally:
                    self.cell.go_down()
                    with trio.CancelScope(shield=True):
                        await self.actor.on_stop()
        except Exception as error:  # noqa: BLE001 - any crash is followed by another life
            self.crashes.append(bare(error))
        self.cell.restarting = True
        self.cell.move(State.BACKOFF)


@asynccontextmanager
async def lives(
    actor_type: type[A],
    factory: Callable[[], A],
    *,
    name: str = "worker",
    pause: float = 0.0,
    capacity: int = 16,
) -> AsyncGenerator[Lives[A]]:
    """Run an actor, each crash or restart of which is followed by another life."""
    events: list[Event] = []
    deadlines = Deadlines()
    cell = Cell(name, actor_type, Mailbox(capacity), deadlines, events.append)
    stage = Lives(ActorRef[A](cell), cell, factory(), pause, events)

    async def run() -> None:
        while True:
            await stage.one_life()
            await trio.sleep(stage.pause)
            stage.actor = factory()

    with trio.fail_after(100_000):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(deadlines.run)
            nursery.start_soon(run)
            await stage.ref.wait_state(State.RUNNING)
            yield stage
            nursery.cancel_scope.cancel()
