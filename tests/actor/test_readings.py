"""Readings: the last answers of an actor, for all who look at them."""

from __future__ import annotations

import gc
import math
import time
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, ActorRef
from labtroupe.errors import CommandError, CommandRefused, UnknownCommandError
from labtroupe.lifecycle import State
from labtroupe.messages import Quality, Reading, command, every, reading

from ._lives import Lives, lives


@attrs.define(eq=False)
class World:
    """What outlives the lives of an actor."""

    celsius: float = 20.0
    refuses: bool = False


@attrs.define(eq=False)
class Thermostat(Actor):
    """A plate heater."""

    world: World

    @reading
    async def temperature(self) -> float:
        """Temperature of the plate."""
        if self.world.refuses:
            raise CommandRefused("no")
        return self.world.celsius

    @reading(fresh_for=2.0)
    async def power(self, channel: int = 1) -> float:
        """Power of one channel."""
        return 10.0 * channel

    @every(1.0)
    @reading
    async def level(self) -> float:
        """Level of the bath."""
        return 0.5

    @command
    async def heat(self, celsius: float) -> None:
        """Heat."""
        self.world.celsius = celsius

    @command
    async def crash(self) -> None:
        """Crash."""
        raise OSError("broken")


class Careful(Thermostat):
    """Reads more carefully."""

    @reading(fresh_for=1.0)
    async def temperature(self) -> float:
        """Temperature of the plate, rounded."""
        return float(round(self.world.celsius))


class Array:
    """A value that cannot be compared."""

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType] - as arrays have it

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")


class Camera(Actor):
    """Takes images."""

    @reading
    async def image(self) -> Array:
        """Take an image."""
        return Array()


@asynccontextmanager
async def heating(
    actor_type: type[Thermostat] = Thermostat, *, pause: float = 0.0
) -> AsyncGenerator[tuple[Lives[Thermostat], World]]:
    """Run one thermostat."""
    world = World()
    async with lives(actor_type, lambda: actor_type(world), pause=pause) as stage:
        yield stage, world


def is_hot(celsius: float) -> bool:
    """Return whether it is hotter than 40 degrees."""
    return celsius > 40


async def take(ref: ActorRef[Thermostat], celsius: float) -> None:
    """Have the temperature read as so much."""
    await ref.ask(Thermostat.heat(celsius))
    assert await ref.ask(Thermostat.temperature()) == celsius


# --- looking ---


async def test_a_reading_is_the_last_answer_with_its_time_and_age(autojump_clock: MockClock) -> None:
    """S12, S14: and to look at it asks the actor for nothing."""
    async with heating() as (s, _):
        before = time.time()
        await take(s.ref, 40.0)
        await trio.sleep(3)
        found = s.ref.reading(Thermostat.temperature)
        assert (found.value, found.age, found.quality) == (40.0, 3, Quality.GOOD)
        assert found.time is not None
        assert before <= found.time <= time.time()
        await take(s.ref, 41.0)
        assert s.ref.reading(Thermostat.temperature).value == 41.0
        assert s.ref.reading(Thermostat.temperature).age == 0


async def test_before_the_first_answer_there_is_none(autojump_clock: MockClock) -> None:
    async with heating() as (s, _):
        assert s.ref.reading(Thermostat.temperature) == Reading(None, None, math.inf, Quality.NONE)
        s.cell.move(State.FAILED)
        assert s.ref.reading(Thermostat.temperature).quality is Quality.NONE


async def test_a_reading_is_stale_when_it_is_older_than_declared(autojump_clock: MockClock) -> None:
    """S12: by default after 10 s."""
    async with heating() as (s, _):
        await s.ref.ask(Thermostat.temperature())
        await s.ref.ask(Thermostat.power())
        qualities: list[tuple[Quality, Quality]] = []
        for _ in range(4):
            qualities.append(
                (s.ref.reading(Thermostat.power).quality, s.ref.reading(Thermostat.temperature).quality)
            )
            await trio.sleep(3.5)
        good, stale = Quality.GOOD, Quality.STALE
        assert qualities == [(good, good), (stale, good), (stale, good), (stale, stale)]


async def test_a_periodic_reading_is_stale_after_three_periods(autojump_clock: MockClock) -> None:
    """S12: one tick may fail, and the next be late."""
    async with heating() as (s, _):
        await trio.sleep(0.5)
        assert Thermostat.level.fresh_for == 3
        s.cell.move(State.STOPPED)  # so that there are no ticks
        await trio.sleep(2.25)
        s.cell.move(State.RUNNING)
        assert s.ref.reading(Thermostat.level).quality is Quality.GOOD
        s.cell.move(State.STOPPED)
        await trio.sleep(0.5)
        s.cell.move(State.RUNNING)
        assert s.ref.reading(Thermostat.level) == attrs.evolve(
            s.ref.reading(Thermostat.level), value=0.5, age=3.25, quality=Quality.STALE
        )


async def test_a_reading_survives_the_life_that_has_taken_it(autojump_clock: MockClock) -> None:
    """S12: it is lost while nobody can take it, however young it is."""
    async with heating(pause=5) as (s, _):
        await take(s.ref, 40.0)
        with pytest.raises(CommandError):
            await s.ref.ask(Thermostat.crash())
        await trio.sleep(1)
        lost = s.ref.reading(Thermostat.temperature)
        assert (lost.value, lost.age, lost.quality) == (40.0, 1, Quality.LOST)
        await trio.sleep(5)
        again = s.ref.reading(Thermostat.temperature)
        assert (again.value, again.age, again.quality, s.cell.life) == (40.0, 6, Quality.GOOD, 2)


async def test_what_was_not_answered_is_no_reading(autojump_clock: MockClock) -> None:
    """The last answer stays, and gets older."""
    async with heating() as (s, world):
        await take(s.ref, 40.0)
        await trio.sleep(2)
        world.refuses = True
        with pytest.raises(CommandRefused):
            await s.ref.ask(Thermostat.temperature())
        found = s.ref.reading(Thermostat.temperature)
        assert (found.value, found.age) == (40.0, 2)


async def test_only_what_was_asked_without_arguments_is_a_reading(autojump_clock: MockClock) -> None:
    """The power of channel 2 is none of channel 1."""
    async with heating() as (s, _):
        await s.ref.ask(Thermostat.power(2))
        assert s.ref.reading(Thermostat.power).quality is Quality.NONE
        await s.ref.ask(Thermostat.power(channel=1))
        await s.ref.ask(Thermostat.power(2))
        assert s.ref.reading(Thermostat.power).value == 10.0


async def test_the_reading_of_a_base_is_the_one_its_subclass_takes(autojump_clock: MockClock) -> None:
    """Who holds a ref to a thermostat need not know that it is a careful one."""
    async with heating(Careful) as (s, world):
        world.celsius = 40.4
        await s.ref.ask(Thermostat.temperature())
        assert s.ref.reading(Thermostat.temperature).value == 40.0
        world.celsius = 41.4
        await s.ref.ask(Careful.temperature())
        await trio.sleep(1.5)
        for each in (Thermostat.temperature, Careful.temperature):
            found = s.ref.reading(each)
            assert (found.value, found.quality) == (41.0, Quality.STALE)


async def test_a_command_may_become_a_reading_in_a_subclass(autojump_clock: MockClock) -> None:
    """Whichever of the two is asked for, it is the reading that is taken."""

    class Meter(Actor):
        @command
        async def volts(self, channel: int) -> int:
            return channel

    class OneChannelMeter(Meter):
        @reading
        async def volts(self, channel: int = 1) -> int:
            return channel

    async with lives(OneChannelMeter, OneChannelMeter) as s:
        await s.ref.ask(Meter.volts(2))
        assert s.ref.reading(OneChannelMeter.volts).quality is Quality.NONE
        await s.ref.ask(Meter.volts(1))
        assert s.ref.reading(OneChannelMeter.volts).value == 1


async def test_what_is_no_reading_of_the_class_is_refused(autojump_clock: MockClock) -> None:
    async with heating() as (s, _):
        for wrong in (Thermostat.heat, Careful.temperature, Thermostat.temperature(), "temperature"):
            with pytest.raises(
                UnknownCommandError, match=r"is no reading of Thermostat; its readings: level, power, temp"
            ):
                s.ref.reading(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportUnknownMemberType]
        with pytest.raises(UnknownCommandError):
            s.ref.values(Careful.temperature)
        with pytest.raises(UnknownCommandError):
            await s.ref.wait_until(Careful.temperature, bool)


# --- waiting ---


async def test_wait_until_returns_the_first_value_for_which_it_holds(autojump_clock: MockClock) -> None:
    async with heating() as (s, _), trio.open_nursery() as nursery:
        reached: list[tuple[float, float]] = []

        async def wait() -> None:
            value = await s.ref.wait_until(Thermostat.temperature, is_hot)
            reached.append((trio.current_time(), value))

        nursery.start_soon(wait)
        for celsius in (30.0, 40.0, 40.5, 50.0):
            await trio.sleep(1)
            await take(s.ref, celsius)
        assert reached == [(3, 40.5)]


async def test_the_present_value_counts_only_if_it_is_good(autojump_clock: MockClock) -> None:
    """A value of yesterday says nothing about the plate of today."""
    async with heating() as (s, _):
        await take(s.ref, 50.0)
        assert await s.ref.wait_until(Thermostat.temperature, is_hot) == 50.0
        await trio.sleep(11)
        with trio.move_on_after(1) as scope:
            await s.ref.wait_until(Thermostat.temperature, is_hot)
        assert scope.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(s.ref.wait_until, Thermostat.temperature, is_hot)
            await wait_all_tasks_blocked()
            await take(s.ref, 50.0)


async def test_a_condition_that_raises_is_a_matter_of_whoever_waits(autojump_clock: MockClock) -> None:
    """The actor and all others go on."""

    def broken(celsius: float) -> bool:
        raise ZeroDivisionError(celsius)

    async with heating() as (s, _), trio.open_nursery() as nursery:

        async def wait() -> None:
            with pytest.raises(ZeroDivisionError):
                await s.ref.wait_until(Thermostat.temperature, broken)

        nursery.start_soon(wait)
        nursery.start_soon(s.ref.wait_until, Thermostat.temperature, is_hot)
        await wait_all_tasks_blocked()
        await take(s.ref, 40.0)
        await take(s.ref, 41.0)
        assert s.crashes == []


async def test_wait_state_waits_for_a_state(autojump_clock: MockClock) -> None:
    async with heating(pause=5) as (s, _):
        with suppress(CommandError):
            await s.ref.ask(Thermostat.crash())
        await s.ref.wait_state(State.BACKOFF)
        assert trio.current_time() == 0
        await s.ref.wait_state(State.RUNNING)
        assert (trio.current_time(), s.ref.state) == (5, State.RUNNING)
        await s.ref.wait_state(State.RUNNING)


# --- listening ---


async def test_values_begin_with_the_present_one_if_it_is_good(autojump_clock: MockClock) -> None:
    async with heating() as (s, _):
        await take(s.ref, 40.0)
        assert await anext(s.ref.values(Thermostat.temperature)) == 40.0
        await trio.sleep(11)
        values = s.ref.values(Thermostat.temperature)
        with trio.move_on_after(1) as scope:
            await anext(values)
        assert scope.cancelled_caught
        await take(s.ref, 41.0)
        assert await anext(values) == 41.0


async def test_each_answer_is_a_value_however_equal_they_are(autojump_clock: MockClock) -> None:
    """It says that it is still so."""
    async with heating() as (s, _):
        values = s.ref.values(Thermostat.temperature)
        for _ in range(3):
            await take(s.ref, 40.0)
            assert await anext(values) == 40.0


async def test_a_slow_listener_gets_the_latest_value_and_skips_the_others(autojump_clock: MockClock) -> None:
    """R9: telemetry has slots, not queues."""
    async with heating() as (s, _), trio.open_nursery() as nursery:
        slow: list[float] = []
        quick: list[float] = []

        async def listen(heard: list[float], seconds: float) -> None:
            async for value in s.ref.values(Thermostat.temperature):
                heard.append(value)
                await trio.sleep(seconds)

        nursery.start_soon(listen, slow, 2.25)
        nursery.start_soon(listen, quick, 0)
        for celsius in range(6):
            await trio.sleep(1)
            await take(s.ref, celsius)
        await trio.sleep(3)
        assert (slow, quick) == ([0, 2, 4, 5], [0, 1, 2, 3, 4, 5])
        nursery.cancel_scope.cancel()


async def test_values_that_cannot_be_compared_are_no_trouble(autojump_clock: MockClock) -> None:
    """An array that is asked whether it equals another one answers with an array, or raises."""
    async with lives(Camera, Camera) as s:
        values = s.ref.values(Camera.image)
        for _ in range(2):
            image = await s.ref.ask(Camera.image())
            assert await anext(values) is image
        assert s.crashes == []


async def test_a_listener_that_stops_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    """Neither by a `break`, nor by being cancelled."""
    async with heating() as (s, _):
        await take(s.ref, 40.0)
        values = s.ref.values(Thermostat.temperature)
        gone = weakref.ref(values)
        async for _ in values:
            break
        with trio.move_on_after(1):
            await anext(values)
        del values
        await trio.lowlevel.checkpoint()  # until then trio keeps what it has raised last
        gc.collect()
        assert gone() is None
        assert len(s.cell.readings._slots["temperature"]._edge_results) == 0


async def test_there_is_a_slot_only_for_what_was_read_or_is_waited_for(autojump_clock: MockClock) -> None:
    """An idle actor costs nothing for the readings it could have."""
    async with heating() as (s, _):
        s.ref.reading(Thermostat.temperature)
        await s.ref.ask(Thermostat.heat(40.0))
        assert set(s.cell.readings._slots) <= {"level"}
        s.ref.values(Thermostat.power)
        assert set(s.cell.readings._slots) <= {"level", "power"}


async def test_to_answer_wakes_the_listeners_and_runs_nothing_of_theirs(autojump_clock: MockClock) -> None:
    """So that hundreds of them do not hold up the actor."""
    runs: list[trio.lowlevel.Task] = []

    def note(celsius: float) -> bool:
        runs.append(trio.lowlevel.current_task())
        return celsius > 40

    async with heating() as (s, _), trio.open_nursery() as nursery:
        for _ in range(300):
            nursery.start_soon(s.ref.wait_until, Thermostat.temperature, note)
        await wait_all_tasks_blocked()
        assert len(s.cell.readings._slots["temperature"]._edge_results) == 1
        await take(s.ref, 40.5)
        await wait_all_tasks_blocked()
        assert len(set(runs)) == 300
