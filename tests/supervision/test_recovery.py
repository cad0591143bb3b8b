"""Getting in step again under a supervisor, with an actor that can be told how well it does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, ActorRef, background
from labtroupe.errors import CommandCrashed, CommandRefused
from labtroupe.messages import Event, LinkInStep, LinkSuspect, command
from labtroupe.supervision import ChildSpec, Supervisor


@attrs.define(eq=False)
class World:
    """What outlives the lives of the actor."""

    suspicion: str | None = None
    recovery_seconds: float = 0.0
    recovered: int = 0
    lives: int = 0
    events: list[Event] = attrs.field(factory=list[Event])


@attrs.define(eq=False)
class Wobbly(Actor):
    """An actor whose link falls out of step when the world says so."""

    world: World

    @property
    def suspicion(self) -> str | None:
        """Why, as the world says."""
        return self.world.suspicion

    async def on_start(self) -> None:
        """Begin in step."""
        self.world.lives += 1
        self.world.suspicion = None

    @background
    async def stay(self) -> None:
        """Be there, beside the commands."""
        await trio.sleep_forever()

    async def recover(self) -> None:
        """Take as long as the world says."""
        await trio.sleep(self.world.recovery_seconds)
        self.world.suspicion = None
        self.world.recovered += 1

    @command(idempotent=True)
    async def look(self) -> int:
        """Return the number of this life."""
        return self.world.lives

    @command
    async def crash(self) -> None:
        """Crash."""
        raise OSError("broken")

    @command
    async def refuse(self) -> None:
        """Say no."""
        raise CommandRefused("no")

    @command
    async def refuse_out_of_step(self) -> None:
        """Say no in the middle of an exchange."""
        self.world.suspicion = "in the middle"
        raise CommandRefused("no")


@asynccontextmanager
async def wobbly() -> AsyncGenerator[tuple[World, ActorRef[Wobbly]]]:
    world = World()
    spec = ChildSpec(name="w", factory=lambda: Wobbly(world), actor_type=Wobbly)
    supervisor = Supervisor([spec], world.events.append)
    with trio.fail_after(10_000):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            ref = supervisor.ref("w", Wobbly)
            await ref.ask(Wobbly.look())
            yield world, ref
            nursery.cancel_scope.cancel()


async def test_what_fell_out_of_step_while_idle_recovers_before_the_next_command(
    autojump_clock: MockClock,
) -> None:
    """L2, R12: in time of its own, so that a harmless refusal is no crash."""
    async with wobbly() as (world, ref):
        world.suspicion = "a stray byte"
        with pytest.raises(CommandRefused):
            await ref.ask(Wobbly.refuse())
        assert (world.recovered, world.lives) == (1, 1)
        texts = [event.text for event in world.events if isinstance(event, LinkSuspect | LinkInStep)]
        assert texts == ["link suspect: a stray byte", "link in step again after 0.000 s"]


async def test_a_recovery_that_takes_for_ever_ends_the_life(autojump_clock: MockClock) -> None:
    """L2: under a deadline of its own, or the actor would be deaf for ever."""
    async with wobbly() as (world, ref):
        world.suspicion, world.recovery_seconds = "a stray byte", 1000.0
        assert await ref.ask(Wobbly.look(), timeout=60) == 2
        assert world.lives == 2


async def test_a_request_that_waits_for_a_recovery_survives_its_failure(autojump_clock: MockClock) -> None:
    """R7: it was never begun, so it is idempotent or handed back, but not lost."""
    async with wobbly() as (world, ref):
        world.suspicion, world.recovery_seconds = "a stray byte", 1000.0
        reply = ref.send(Wobbly.refuse(), timeout=100)
        await wait_all_tasks_blocked()
        await trio.sleep(30)
        assert reply.ended
        assert reply.outcome == "not_sent"


async def test_who_sees_a_crash_and_asks_again_meets_the_next_life(autojump_clock: MockClock) -> None:
    """R7: although what runs beside the commands takes a moment to end."""
    async with wobbly() as (world, ref):
        with pytest.raises(CommandCrashed):
            await ref.ask(Wobbly.crash())
        with pytest.raises(CommandRefused):
            await ref.ask(Wobbly.refuse())
        assert world.lives == 2


async def test_a_refusal_out_of_step_is_a_crash(autojump_clock: MockClock) -> None:
    """R12: nobody knows what is still owed."""
    async with wobbly() as (world, ref):
        with pytest.raises(CommandRefused):
            await ref.ask(Wobbly.refuse_out_of_step())
        await ref.ask(Wobbly.look(), timeout=60)
        assert world.lives == 2
