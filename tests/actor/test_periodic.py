"""Periodic work: commands that are due again and again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, Latch
from labtroupe.errors import CommandError, CommandRefused, CommandTimeout, MissedTick
from labtroupe.lifecycle import State
from labtroupe.messages import MOST_OWED, Missed, command, every

from ._lives import Lives, lives


@attrs.define(eq=False)
class World:
    """What outlives the lives of an actor.

    Attributes:
        ticks: When each tick was begun.
        takes: Seconds each tick takes from now on.
        raises: What the ticks raise from now on.
        suspicion: Why the actor is out of step.
    """

    ticks: list[float] = attrs.field(factory=list[float])
    takes: float = 0.0
    raises: Exception | None = None
    suspicion: str | None = None


@attrs.define(eq=False)
class Clockwork(Actor):
    """Looks at its device each second."""

    world: World
    name: ClassVar[str] = "look"

    @property
    def suspicion(self) -> str | None:
        """Why, as the world says."""
        return self.world.suspicion

    async def recover(self) -> None:
        """Take a while to get in step."""
        await trio.sleep(2.5)
        self.world.suspicion = None

    @every(1.0)
    @command(idempotent=True, timeout=5.0)
    async def look(self) -> None:
        """Look, as long as the world says."""
        await self.tick()

    @command(timeout=100.0)
    async def work(self, seconds: float) -> None:
        """Work for a while."""
        await trio.sleep(seconds)

    @command(timeout=100.0)
    async def crash(self, seconds: float) -> None:
        """Crash after a while."""
        await trio.sleep(seconds)
        raise OSError("broken")

    async def tick(self) -> None:
        """Do what the world says."""
        self.world.ticks.append(trio.current_time())
        await trio.sleep(self.world.takes)
        if self.world.raises is not None:
            raise self.world.raises


@attrs.define(eq=False)
class Diligent(Clockwork):
    """Leaves nothing out."""

    @every(1.0, missed=Missed.CATCH_UP)
    @command(timeout=50.0)
    async def look(self) -> None:
        """Look."""
        await self.tick()


@attrs.define(eq=False)
class Strict(Clockwork):
    """Cannot be late."""

    @every(1.0, missed=Missed.FAIL)
    @command(timeout=5.0)
    async def look(self) -> None:
        """Look."""
        await self.tick()


@asynccontextmanager
async def ticking(
    actor_type: type[Clockwork] = Clockwork, *, takes: float = 0.0, pause: float = 0.0, capacity: int = 16
) -> AsyncGenerator[tuple[Lives[Clockwork], World]]:
    """Run an actor with periodic work."""
    world = World(takes=takes)
    async with lives(actor_type, lambda: actor_type(world), pause=pause, capacity=capacity) as stage:
        yield stage, world


# --- the grid ---


async def test_the_first_tick_comes_at_once_and_the_others_on_a_fixed_grid(autojump_clock: MockClock) -> None:
    """What a tick takes does not add up."""
    async with ticking(takes=0.25) as (_, world):
        await trio.sleep(4.5)
        assert world.ticks == [0, 1, 2, 3, 4]


async def test_delays_do_not_add_up(autojump_clock: MockClock) -> None:
    """A tick that begins late is followed by one on the grid."""
    async with ticking() as (s, world):
        await trio.sleep(0.5)
        await s.ref.ask(Clockwork.work(1))
        await trio.sleep(2)
        assert world.ticks == [0, 1.5, 2, 3]


async def test_each_life_has_a_grid_of_its_own(autojump_clock: MockClock) -> None:
    """S16: it begins with the life."""
    async with ticking(pause=0.2) as (s, world):
        await trio.sleep(1.5)
        s.scope.cancel()
        await trio.sleep(1.5)
        assert world.ticks == pytest.approx([0, 1, 1.7, 2.7])


async def test_ticks_are_requests_like_any_other(autojump_clock: MockClock) -> None:
    """R10: one at a time, in the order in which they came."""
    async with ticking(takes=0.25) as (s, world):
        await wait_all_tasks_blocked()
        working = s.ref.send(Clockwork.work(1))
        await trio.sleep(0.75)
        assert (world.ticks, str(working)) == (
            [0],
            "<reply to Clockwork.work(1) of worker: running>",
        )
        await working
        await trio.sleep(1)
        assert world.ticks == [0, 1.25, 2]


async def test_a_tick_waits_for_room_in_a_full_mailbox(autojump_clock: MockClock) -> None:
    """R9."""
    async with ticking(capacity=2) as (s, world):
        await trio.sleep(0.5)
        for _ in range(3):
            s.ref.tell(Clockwork.work(1))
            await wait_all_tasks_blocked()
        await trio.sleep(4)
        assert (world.ticks, s.failures) == ([0, 3.5, 4], [])


async def test_a_tick_has_the_timeout_of_its_command(autojump_clock: MockClock) -> None:
    """R1: and what becomes of it is an event."""
    async with ticking(takes=100) as (s, world):
        await trio.sleep(7)
        assert (world.ticks, s.failures) == ([0, 5], ["timeout"])


# --- errors ---


@pytest.mark.parametrize("actor_type", [Clockwork, Diligent, Strict])
async def test_a_tick_that_is_refused_is_an_event_and_the_next_one_comes(
    autojump_clock: MockClock, actor_type: type[Clockwork]
) -> None:
    """R12."""
    async with ticking(actor_type) as (s, world):
        await trio.sleep(0.5)
        world.raises = CommandRefused("no")
        await trio.sleep(2)
        assert (len(world.ticks), s.crashes, s.failures) == (3, [], ["refused"] * 2)


async def test_a_tick_that_raises_anything_else_ends_the_life(autojump_clock: MockClock) -> None:
    """R12: and the next life ticks again."""
    async with ticking(pause=0.75) as (s, world):
        await trio.sleep(0.5)
        world.raises = OSError("broken")
        await trio.sleep(1)
        world.raises = None
        await trio.sleep(1)
        assert world.ticks == [0, 1, 1.75]
        assert [type(crash) for crash in s.crashes] == [OSError]


# --- missed ticks ---


async def test_a_tick_that_finds_the_last_one_unfinished_is_left_out(autojump_clock: MockClock) -> None:
    """The default; the next one comes when it is due."""
    async with ticking(takes=1.5) as (_, world):
        await trio.sleep(7)
        assert world.ticks == [0, 2, 4, 6]


async def test_ticks_that_came_while_others_held_up_the_loop_are_left_out(autojump_clock: MockClock) -> None:
    """They do not all come at once afterwards."""
    async with ticking() as (_, world):
        await trio.sleep(0.5)
        autojump_clock.jump(7)
        await trio.sleep(1)
        assert world.ticks == [0, 7.5, 8]


async def test_missed_ticks_are_caught_up_one_after_the_other(autojump_clock: MockClock) -> None:
    """Each one is done, the late ones as soon as they can be."""
    async with ticking(Diligent, takes=0.25) as (s, world):
        await trio.sleep(0.5)
        await s.ref.ask(Clockwork.work(3))
        await trio.sleep(2)
        assert world.ticks == [0, 3.5, 3.75, 4, 4.25, 5]


async def test_not_more_than_so_many_are_caught_up(autojump_clock: MockClock) -> None:
    """The oldest help nobody any more."""
    async with ticking(Diligent) as (s, world):
        await trio.sleep(0.5)
        await s.ref.ask(Clockwork.work(40))
        await trio.sleep(1)
        caught_up = [moment for moment in world.ticks if moment == 40.5]
        assert len(caught_up) == MOST_OWED + 1  # and the one that has waited in the mailbox
        assert world.ticks[-1] == 41


async def test_a_missed_tick_ends_the_life_where_that_is_declared(autojump_clock: MockClock) -> None:
    """S15, S16: at the moment it is missed, with the name of the task; the next life ticks again."""
    async with ticking(Strict, takes=0.5) as (s, world):
        await trio.sleep(2.75)
        assert s.crashes == []
        world.takes = 2
        await trio.sleep(2)
        world.takes = 0.5
        (crash,) = s.crashes
        assert isinstance(crash, MissedTick)
        assert str(crash) == "Strict.look was still to be done when it was due again after 1 s"
        assert crash.__notes__ == ["in the background task 'look'"]
        assert world.ticks == [0, 1, 2, 3, 4]
        await trio.sleep(3)
        assert s.cell.life == 3


async def test_a_tick_that_waits_in_the_mailbox_for_too_long_is_missed_too(autojump_clock: MockClock) -> None:
    async with ticking(Strict) as (s, _):
        await trio.sleep(0.5)
        with pytest.raises(CommandError):
            await s.ref.ask(Clockwork.work(10))
        await wait_all_tasks_blocked()
        assert trio.current_time() == 2
        assert [type(crash) for crash in s.crashes] == [MissedTick]


async def test_a_tick_that_nobody_could_begin_is_missed_too(autojump_clock: MockClock) -> None:
    """Others have held up the loop."""
    async with ticking(Strict) as (s, _):
        await trio.sleep(0.5)
        autojump_clock.jump(3)
        await wait_all_tasks_blocked()
        assert [type(crash) for crash in s.crashes] == [MissedTick]


# --- lives ---


async def test_a_tick_of_one_life_does_not_reach_the_next(autojump_clock: MockClock) -> None:
    """P12, S16: though an idempotent request that waits in the mailbox does."""
    async with ticking(pause=10) as (s, world):
        await trio.sleep(0.5)
        crash = s.ref.send(Clockwork.crash(1))
        with pytest.raises(CommandError):
            await crash
        await wait_all_tasks_blocked()
        assert (s.cell.life, len(s.cell.mailbox)) == (1, 0)
        await trio.sleep(11.25)
        assert world.ticks == [0, 11.5, 12.5]


async def test_a_restart_ends_the_tick_that_is_under_way(autojump_clock: MockClock) -> None:
    """S16."""
    async with ticking(takes=4) as (s, world):
        await trio.sleep(0.5)
        s.scope.cancel()
        world.takes = 0
        await trio.sleep(1.25)
        assert (world.ticks, s.failures, s.crashes) == ([0, 0.5, 1.5], ["cancelled"], [])


async def test_a_tick_waits_until_the_actor_is_in_step(autojump_clock: MockClock) -> None:
    """L2: and the others are left out meanwhile."""
    async with ticking() as (s, world):
        await trio.sleep(0.5)
        world.suspicion = "somebody spoke"
        await trio.sleep(5)
        # The tick at 1 wakes it, and it needs 2.5 s to recover.
        assert (world.ticks, s.failures) == ([0, 3.5, 4, 5], [])


# --- while no requests are taken ---


@pytest.mark.parametrize("actor_type", [Clockwork, Diligent, Strict])
async def test_while_it_is_halted_there_are_no_ticks_and_none_is_owed(
    autojump_clock: MockClock, actor_type: type[Clockwork]
) -> None:
    """S10, R9: nor an event for each of those that there could have been."""
    async with ticking(actor_type) as (s, world):
        await trio.sleep(0.5)
        s.cell.halt(Latch("smoke"))
        await trio.sleep(10)
        assert (world.ticks, s.failures) == ([0], [])
        s.cell.reset()
        s.cell.move(State.RUNNING)
        await trio.sleep(2)
        assert (world.ticks, s.failures, s.crashes) == ([0, 11, 12], [], [])


async def test_a_halt_ends_the_tick_that_is_under_way(autojump_clock: MockClock) -> None:
    """S10."""
    async with ticking(takes=3) as (s, world):
        await trio.sleep(0.5)
        s.cell.halt(Latch("smoke"))
        await trio.sleep(10)
        assert (world.ticks, s.failures) == ([0], ["halted"])


@pytest.mark.parametrize("actor_type", [Clockwork, Diligent, Strict])
async def test_while_it_is_suspended_there_are_no_ticks_and_none_is_owed(
    autojump_clock: MockClock, actor_type: type[Clockwork]
) -> None:
    """S13: whoever works at the device by hand wants nothing to be sent to it."""
    async with ticking(actor_type) as (s, world):
        await trio.sleep(0.5)
        s.cell.suspend()
        await trio.sleep(10)
        assert (world.ticks, s.failures) == ([0], [])
        s.cell.resume()
        await trio.sleep(2)
        assert (world.ticks, s.failures, s.crashes) == ([0, 11, 12], [], [])


@pytest.mark.parametrize("actor_type", [Clockwork, Strict])
async def test_a_tick_that_waits_when_it_is_suspended_is_withdrawn(
    autojump_clock: MockClock, actor_type: type[Clockwork]
) -> None:
    """S13: it is nobody's fault that it has missed its time, and afterwards it would come at a wrong one."""
    async with ticking(actor_type) as (s, world):
        await trio.sleep(0.5)
        work = s.ref.send(Clockwork.work(1))
        await trio.sleep(0.75)
        s.cell.suspend()
        await work
        await trio.sleep(2.25)
        assert (len(s.cell.mailbox), s.failures) == (0, ["cancelled"])
        s.cell.resume()
        await trio.sleep(1)
        assert (world.ticks, s.crashes) == ([0, 4], [])


async def test_a_tick_that_always_crashes_it_ends_in_quarantine(autojump_clock: MockClock) -> None:
    """S8: and no event for each tick after that; the actor stays."""
    async with ticking(pause=0.5) as (s, world):
        await trio.sleep(0.5)
        world.raises = OSError("broken")
        await trio.sleep(20.25)
        assert len(s.crashes) == 3
        assert (len(world.ticks), s.failures) == (4, ["crashed"] * 3)
        assert s.cell.life == 4
        s.cell.clear_quarantine()
        world.raises = None
        await trio.sleep(1)
        assert len(world.ticks) == 5


async def test_a_lease_does_not_stop_the_ticks(autojump_clock: MockClock) -> None:
    """S17: they are the actor's own, and nobody else's requests."""
    async with ticking() as (s, world):
        await trio.sleep(0.5)
        async with s.ref.lease(holder="me"):
            await trio.sleep(3)
        assert (world.ticks, s.failures) == ([0, 1, 2, 3], [])


# --- inheritance ---


async def test_an_overriding_command_has_the_schedule_it_declares_or_none(autojump_clock: MockClock) -> None:
    """As it has a timeout of its own."""

    class Quick(Clockwork):
        @every(0.5)
        @command
        async def look(self) -> None:
            await self.tick()

    class Quiet(Clockwork):
        @command
        async def look(self) -> None:
            await self.tick()

    async with ticking(Quick) as (_, world):
        await trio.sleep(1.25)
        assert len(world.ticks) == 3
    async with ticking(Quiet) as (s, world):
        await trio.sleep(1.25)
        assert world.ticks == []
        await s.ref.ask(Clockwork.look())
        assert len(world.ticks) == 1


async def test_periodic_work_can_be_asked_for_as_well(autojump_clock: MockClock) -> None:
    """It stays a command."""
    async with ticking(takes=0.25) as (s, world):
        await trio.sleep(0.5)
        await s.ref.ask(Clockwork.look())
        with pytest.raises(CommandTimeout):
            await s.ref.ask(Clockwork.look(), timeout=0.125)
        await trio.sleep(0.5)
        assert world.ticks == [0, 0.5, 0.75, 1]
