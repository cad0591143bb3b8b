"""Halting: nothing begins any more, and the device goes into its safe state."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Latch
from labtroupe.errors import CommandRefused, Halted, LinkLost, Outcome
from labtroupe.lifecycle import State
from labtroupe.messages import SafeState, command
from labtroupe.records import SafetyReport

from ._lives import Lives, lives
from ._robot import Careful, Robot, outcome_of, robot

FIRE = Latch("fire")


async def reach_it() -> None:
    """Reach the safe state at once."""


@attrs.define(eq=False)
class World:
    """What outlives the lives of an actor.

    Attributes:
        diary: What happened, in order.
        safe_state: What its safe state does.
        start_seconds: How long its starts take.
        suspicion: Why it is out of step.
        recovers: Whether it gets in step again.
    """

    diary: list[str] = attrs.field(factory=list[str])
    safe_state: Callable[[], Awaitable[None]] = reach_it
    start_seconds: float = 0.0
    suspicion: str | None = None
    recovers: bool = True


@attrs.define(eq=False)
class Heater(Robot):
    """Has a safe state."""

    diary: list[str] = attrs.field(init=False)
    world: World

    def __attrs_post_init__(self) -> None:
        """Write into the diary of its world."""
        self.diary = self.world.diary

    @property
    def suspicion(self) -> str | None:
        """Why, as the world says."""
        return self.world.suspicion

    async def on_start(self) -> None:
        """Start as the world says."""
        await trio.sleep(self.world.start_seconds)

    async def recover(self) -> None:
        """Recover as the world says."""
        await trio.sleep(1)
        if not self.world.recovers:
            raise LinkLost("gone")
        self.note("in step")
        self.world.suspicion = None

    async def safe_state(self) -> None:
        """Go into it as the world says."""
        self.note("safe state")
        await self.world.safe_state()

    @command(timeout=math.inf)
    async def fall_out_of_step(self) -> None:
        """Work, and be out of step when cancelled."""
        try:
            await trio.sleep_forever()
        finally:
            self.world.suspicion = "cut off"


@asynccontextmanager
async def heater(world: World, *, pause: float = 0.0) -> AsyncGenerator[Lives[Heater]]:
    """Run a heater."""
    async with lives(Heater, lambda: Heater(world), name="heater", pause=pause) as s:
        yield s


def safe_states(s: Lives[Heater]) -> list[str]:
    """Return what was said of the safe state."""
    return [event.text for event in s.events if isinstance(event, SafeState)]


CONFIRMED = SafetyReport("heater", confirmed=True)


async def test_who_is_halted_refuses_everything_until_reset(autojump_clock: MockClock) -> None:
    """S10, P4: urgent commands too, with the reason."""
    world = World()
    async with heater(world) as s:
        s.cell.halt(FIRE)
        assert (s.cell.latch, s.ref.state, s.cell.reason) == (FIRE, State.HALTED, "fire")
        for message in (Robot.work(), Robot.off(), Robot.look()):
            with pytest.raises(Halted, match=r"heater: halted \(fire\): Robot") as caught:
                await s.ref.ask(message)
            assert caught.value.outcome is Outcome.NOT_SENT
        assert await s.cell.wait_safe() == CONFIRMED
        assert (world.diary, safe_states(s)) == (["safe state at 0"], ["safe state confirmed"])

        s.cell.reset()
        s.cell.move(State.RUNNING)
        assert s.cell.latch is None
        assert await s.ref.ask(Robot.look()) == "seen"


async def test_what_runs_is_cancelled_and_what_waits_is_refused_at_once(autojump_clock: MockClock) -> None:
    """S10: both lanes, idempotent ones too, each with its own outcome; nobody has to wait for that."""
    world = World()
    async with heater(world) as s:
        running = s.ref.send(Robot.work("a", 10))
        await trio.sleep(1)
        waiting = [s.ref.send(message) for message in (Robot.work("b"), Robot.look(), Robot.off())]
        s.cell.halt(FIRE)
        assert isinstance(running.error, Halted)
        assert running.outcome is Outcome.UNKNOWN
        assert [type(reply.error) for reply in waiting] == [Halted] * 3
        assert {reply.outcome for reply in waiting} == {Outcome.NOT_SENT}
        assert len({id(reply.error) for reply in waiting}) == 3
        with pytest.raises(Halted, match=r"halted \(fire\): Robot\.work\('a', 10\) was cut off"):
            await running
        assert await s.cell.wait_safe() == CONFIRMED
        await trio.sleep(20)
    assert world.diary == ["begin a at 0", "safe state at 1"]


async def test_what_had_not_acted_was_not_sent(autojump_clock: MockClock) -> None:
    """R3: the outcome is by what it had done."""
    async with lives(Careful, lambda: Careful([])) as s:
        reply = s.ref.send(Careful.think_then_act(10))
        await trio.sleep(1)
        s.cell.halt(FIRE)
        assert isinstance(reply.error, Halted)
        assert reply.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize("patience", [0.5, 100])
async def test_what_must_not_stop_half_way_stops(autojump_clock: MockClock, patience: float) -> None:
    """R4, S10: whether anybody still waits for it or not."""
    world = World()
    async with heater(world) as s, trio.open_nursery() as nursery:

        async def ask() -> None:
            with trio.move_on_after(patience), suppress(Halted):
                await s.ref.ask(Robot.home(50))

        nursery.start_soon(ask)
        await trio.sleep(1)
        s.cell.halt(FIRE)
        assert await s.cell.wait_safe() == CONFIRMED
    assert world.diary == ["begin home at 0", "cut off at 1", "safe state at 1"]


async def test_a_handler_that_does_not_end_is_named(autojump_clock: MockClock) -> None:
    """S9, R10, R13: the report is bounded; the safe state comes when it can, and is told then."""
    world = World()
    async with heater(world) as s:
        _ = s.ref.send(Robot.stubborn(10))
        await trio.sleep(1)
        s.cell.halt(FIRE)
        report = await s.cell.wait_safe()
        assert trio.current_time() == 3
        assert report == SafetyReport(
            "heater", confirmed=False, reason="Robot.stubborn(10) was cut off, and does not end"
        )
        assert (world.diary, safe_states(s)) == ([], [])
        await trio.sleep(10)
        assert world.diary == ["safe state at 10"]
        assert await s.cell.wait_safe() == CONFIRMED


async def test_out_of_step_it_recovers_first(autojump_clock: MockClock) -> None:
    """L2: over a suspect link nobody can know whether the device is safe."""
    world = World()
    async with heater(world) as s:
        _ = s.ref.send(Heater.fall_out_of_step())
        await trio.sleep(1)
        s.cell.halt(FIRE)
        assert await s.cell.wait_safe() == CONFIRMED
    assert world.diary == ["in step at 2", "safe state at 2"]


async def test_while_recovering_it_goes_on_and_is_safe_then(autojump_clock: MockClock) -> None:
    """L2, S10: the safe state is the next thing, and comes once."""
    world = World()
    async with heater(world) as s:
        with trio.move_on_after(1):
            await s.ref.ask(Heater.fall_out_of_step())
        await trio.sleep(0.5)
        s.cell.halt(FIRE)
        assert await s.cell.wait_safe() == CONFIRMED
        await trio.sleep(10)
    assert world.diary == ["in step at 2", "safe state at 2"]


async def test_who_cannot_recover_tries_in_the_next_life(autojump_clock: MockClock) -> None:
    """S9, S10: the latch outlives the life."""
    world = World(recovers=False)
    async with heater(world, pause=5) as s:
        _ = s.ref.send(Heater.fall_out_of_step())
        await trio.sleep(1)
        s.cell.halt(FIRE)
        assert await s.cell.wait_safe() == SafetyReport("heater", confirmed=False, reason="gone")
        world.suspicion = None
        await trio.sleep(10)
        assert world.diary == ["safe state at 7"]
        assert safe_states(s) == ["safe state not confirmed: gone", "safe state confirmed"]
        assert [type(crash) for crash in s.crashes] == [LinkLost]


async def test_halted_while_it_starts_its_safe_state_is_the_first_it_does(
    autojump_clock: MockClock,
) -> None:
    """S10: nothing that has waited for the start is carried out."""
    world = World()
    async with heater(world, pause=1) as s:
        world.start_seconds = 1
        s.scope.cancel()
        await trio.sleep(1.5)
        assert s.ref.state is State.STARTING
        waiting = s.ref.send(Robot.work())
        s.cell.halt(FIRE)
        assert isinstance(waiting.error, Halted)
        assert await s.cell.wait_safe() == CONFIRMED
    assert world.diary == ["safe state at 2"]


async def test_a_safe_state_that_is_refused_is_not_tried_again_in_this_life(
    autojump_clock: MockClock,
) -> None:
    """S9, R12: the life goes on, as it is in order; the next one tries again."""

    async def refuse() -> None:
        raise CommandRefused("interlock open")

    world = World(safe_state=refuse)
    async with heater(world) as s:
        s.cell.halt(FIRE)
        report = await s.cell.wait_safe()
        assert report == SafetyReport("heater", confirmed=False, reason="interlock open")
        await trio.sleep(10)
        assert (world.diary, s.crashes) == (["safe state at 0"], [])
        world.safe_state = reach_it
        s.scope.cancel()
        await trio.sleep(1)
        assert world.diary[1:] == ["safe state at 10"]
        assert await s.cell.wait_safe() == CONFIRMED


async def test_a_safe_state_that_hangs_is_not_confirmed(autojump_clock: MockClock) -> None:
    """S9: bounded by its own timeout."""
    world = World(safe_state=trio.sleep_forever)
    async with heater(world) as s:
        s.cell.halt(FIRE)
        report = await s.cell.wait_safe()
        assert trio.current_time() == 2
        assert not report.confirmed
        await trio.sleep(10)
        assert safe_states(s) == ["safe state not confirmed: not done within 2 s"]
        assert s.crashes == []


async def test_a_safe_state_that_is_cut_off_and_says_nothing_is_not_confirmed(
    autojump_clock: MockClock,
) -> None:
    """S9: it has returned, but who knows from where."""

    async def swallow() -> None:
        with suppress(trio.Cancelled):
            await trio.sleep_forever()

    world = World(safe_state=swallow)
    async with heater(world) as s:
        s.cell.halt(FIRE)
        await s.cell.wait_safe()
        await trio.sleep(1)
        assert safe_states(s) == ["safe state not confirmed: not done within 2 s"]


async def test_a_safe_state_that_leaves_the_link_suspect_is_not_confirmed(autojump_clock: MockClock) -> None:
    """S9, L2."""
    world = World()

    async def fall_out_of_step() -> None:
        world.suspicion = "no answer"

    world.safe_state = fall_out_of_step
    async with heater(world) as s:
        s.cell.halt(FIRE)
        assert await s.cell.wait_safe() == SafetyReport("heater", confirmed=False, reason="no answer")


async def test_a_safe_state_that_crashes_is_tried_again_by_the_next_life(autojump_clock: MockClock) -> None:
    """S9, R12: both need to know, who has halted it and the supervisor."""
    crashes = iter([OSError("broken"), LinkLost("pulled")])

    async def crash() -> None:
        for error in crashes:
            raise error

    world = World(safe_state=crash)
    async with heater(world, pause=1) as s:
        s.cell.halt(FIRE)
        report = await s.cell.wait_safe()
        assert not report.confirmed
        assert report.reason.startswith("OSError('broken') at ")
        await trio.sleep(10)
        assert world.diary == ["safe state at 0", "safe state at 1", "safe state at 2"]
        assert [type(crash) for crash in s.crashes] == [OSError, LinkLost]
        assert await s.cell.wait_safe() == CONFIRMED


async def test_a_confirmed_safe_state_is_not_left_to_the_next_life(autojump_clock: MockClock) -> None:
    """S9: it is short and does not mind being called twice, but nobody has asked for that."""
    world = World()
    async with heater(world) as s:
        s.cell.halt(FIRE)
        await s.cell.wait_safe()
        s.scope.cancel()
        await trio.sleep(10)
        with pytest.raises(Halted):
            await s.ref.ask(Robot.work())
    assert world.diary == ["safe state at 0"]


async def test_to_halt_again_is_to_try_again(autojump_clock: MockClock) -> None:
    """S10: who presses it a second time has a reason."""
    world = World()
    async with heater(world) as s:
        for reason in ("fire", "water"):
            s.cell.halt(Latch(reason))
            assert await s.cell.wait_safe() == CONFIRMED
        assert s.cell.reason == "water"
    assert world.diary == ["safe state at 0"] * 2


async def test_without_a_safe_state_nothing_is_confirmed(autojump_clock: MockClock) -> None:
    """S9: do nothing, and say so."""
    async with robot() as s:
        s.cell.halt(FIRE)
        report = await s.cell.wait_safe()
        assert report == SafetyReport("robot", confirmed=False, reason="no safe state is declared")
        with pytest.raises(Halted):
            await s.ref.ask(Robot.work())
        s.cell.reset()
        s.cell.move(State.RUNNING)
        assert await s.ref.ask(Robot.look()) == "seen"


async def test_who_does_not_run_is_not_waited_for(autojump_clock: MockClock) -> None:
    """S9: with nobody there, it is not known to be safe."""
    world = World()
    async with heater(world, pause=100) as s:
        s.scope.cancel()
        await trio.sleep(1)
        s.cell.restarting = False
        s.cell.halt(FIRE)
        report = await s.cell.wait_safe()
        assert report == SafetyReport("heater", confirmed=False, reason="it is not running")
        assert trio.current_time() == 1


async def test_who_is_reset_is_not_waited_for(autojump_clock: MockClock) -> None:
    """S10: and a safe state that comes too late is not told of."""
    world = World(safe_state=partial(trio.sleep, 1.5))
    async with heater(world) as s, trio.open_nursery() as nursery:
        s.cell.halt(FIRE)
        reports: list[SafetyReport] = []

        async def wait_safe() -> None:
            reports.append(await s.cell.wait_safe())

        nursery.start_soon(wait_safe)
        await trio.sleep(1)
        s.cell.reset()
        await wait_all_tasks_blocked()
        assert [report.reason for report in reports] == ["it was reset, or never halted"]
        await trio.sleep(10)
        assert safe_states(s) == []


async def test_nothing_of_a_handler_runs_beside_the_safe_state(autojump_clock: MockClock) -> None:
    """P5: a handler that takes its time to leave is waited for."""
    world = World()
    async with heater(world) as s:
        reply = s.ref.send(Robot.stubborn(1.5))
        await trio.sleep(1)
        s.cell.halt(FIRE)
        assert await outcome_of(reply) is Outcome.UNKNOWN
        assert await s.cell.wait_safe() == CONFIRMED
    assert world.diary == ["safe state at 1.5"]
