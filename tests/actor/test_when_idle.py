"""Signs of life: a command that is carried out when the device has not been heard for a while."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.actor import Actor, Latch, mark_acted
from labtroupe.errors import CommandRefused
from labtroupe.lifecycle import State
from labtroupe.messages import command, when_idle

from ._lives import lives


@attrs.define(eq=False)
class World:
    """When it was asked for a sign of life, and what then happens."""

    asked: list[float] = attrs.field(factory=list[float])
    raises: Exception | None = None


@attrs.define(eq=False)
class Alive(Actor):
    """One that gives a sign of life after ten idle seconds."""

    marks_its_acts = True

    world: World

    @when_idle(10.0)
    @command(idempotent=True)
    async def probe(self) -> None:
        """Give a sign of life."""
        mark_acted()
        self.world.asked.append(trio.current_time())
        if self.world.raises is not None:
            raise self.world.raises

    @command
    async def use(self) -> None:
        """Reach the device."""
        mark_acted()

    @command
    async def think(self) -> None:
        """Do not."""

    @command(timeout=100)
    async def work(self, seconds: float) -> None:
        """Be at work for a while."""
        mark_acted()
        await trio.sleep(seconds)


async def test_an_idle_device_is_asked_for_a_sign_of_life(autojump_clock: MockClock) -> None:
    """S12: again and again, as long as nobody else hears from it."""
    world = World()
    async with lives(Alive, lambda: Alive(world)):
        await trio.sleep(35)
    assert world.asked == [10, 20, 30]


async def test_one_that_is_used_is_not_asked(autojump_clock: MockClock) -> None:
    """OA-13, S12: what is done anyway is a sign of life."""
    world = World()
    async with lives(Alive, lambda: Alive(world)) as s:
        for _ in range(5):
            await trio.sleep(7)
            await s.ref.ask(Alive.use())
        await trio.sleep(9)
        assert world.asked == []
        await trio.sleep(2)
        assert world.asked == [45]


async def test_what_does_not_reach_the_device_is_no_sign_of_life(autojump_clock: MockClock) -> None:
    """S12: an exchange, and not merely an answer."""
    world = World()
    async with lives(Alive, lambda: Alive(world)) as s:
        await trio.sleep(7)
        await s.ref.ask(Alive.think())
        await trio.sleep(4)
    assert world.asked == [10]


async def test_one_at_work_is_left_alone(autojump_clock: MockClock) -> None:
    """S12: what it does will end, in one way or the other."""
    world = World()
    async with lives(Alive, lambda: Alive(world)) as s:
        await s.ref.ask(Alive.work(25), timeout=100)
        await trio.sleep(9)
        assert world.asked == []
        await trio.sleep(2)
        assert world.asked == [35]


async def test_a_device_that_refuses_is_asked_again_later(autojump_clock: MockClock) -> None:
    """S12, R12: an answer that is an error crashes nobody."""
    world = World(raises=CommandRefused("not now"))
    async with lives(Alive, lambda: Alive(world)) as s:
        await trio.sleep(25)
        assert s.cell.life == 1
    assert world.asked == [10, 20]


async def test_a_sign_of_life_that_fails_ends_the_life(autojump_clock: MockClock) -> None:
    """OA-13, S12: that is what it is for."""
    world = World(raises=OSError("gone"))
    async with lives(Alive, lambda: Alive(world), pause=1) as s:
        await trio.sleep(15)
        assert s.cell.life == 2
        assert world.asked == [10]


async def test_one_that_takes_no_requests_is_not_asked(autojump_clock: MockClock) -> None:
    """S12, S10: halted, it is asked for nothing."""
    world = World()
    async with lives(Alive, lambda: Alive(world)) as s:
        s.cell.halt(Latch("smoke"))
        await trio.sleep(25)
        assert world.asked == []
        s.cell.reset()
        s.cell.move(State.RUNNING)
        await trio.sleep(12)
        assert len(world.asked) == 1


def test_a_time_that_is_none_is_refused() -> None:
    """S12: bad input gets a clear error where it is written."""
    with pytest.raises(ValueError, match="above 0 s and finite"):
        when_idle(0)
    with pytest.raises(TypeError, match="@when_idle stands above @command"):
        when_idle(1.0)(Alive.on_start)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
