"""From one command to the next: when it begins, and what comes before it."""

from __future__ import annotations

import math
from contextlib import suppress

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import ActorRef, Cell, Deadlines, Mailbox, live
from labtroupe.errors import CommandTimeout, Restarted
from labtroupe.lifecycle import State
from labtroupe.messages import command

from ._lives import lives
from ._robot import Robot, robot


@attrs.define(eq=False)
class Busy(Robot):
    """Has commands that never wait."""

    count: int = 0

    @command
    async def again(self, ref: ActorRef[Busy]) -> None:
        """Have oneself do it again."""
        self.count += 1
        ref.tell(Busy.again(ref))

    @command
    async def cut_the_branch(self, scope: trio.CancelScope) -> None:
        """End the present life, and return."""
        scope.cancel()

    @command(timeout=math.inf)
    async def swallow(self) -> str:
        """Return when cancelled, as if nothing had been."""
        with suppress(trio.Cancelled):
            await trio.sleep_forever()
        return "swallowed"


@pytest.mark.parametrize("attempt", range(8))
async def test_that_it_is_up_is_known_before_its_first_answer(
    autojump_clock: MockClock, attempt: int
) -> None:
    """R8: who sees an answer sees an actor that runs."""
    del attempt  # trio shuffles the order of tasks in a tick
    heard: list[str] = []
    up = trio.Event()
    cell = Cell("robot", Robot, Mailbox(), Deadlines(), lambda _: None)
    cell.move(State.STARTING)

    async def supervise() -> None:
        await up.wait()
        heard.append("up")

    async def ask() -> None:
        await ActorRef[Robot](cell).ask(Robot.look())
        heard.append("answer")

    async def one_life() -> None:
        await live(cell, Robot([]), started=up.set)

    with trio.move_on_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervise)
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            nursery.start_soon(one_life)
    assert heard == ["up", "answer"]


async def test_an_actor_that_never_waits_lets_others_go_on(autojump_clock: MockClock) -> None:
    """Not after each command, which would cost more than all the rest, but soon."""
    async with lives(Busy, lambda: Busy([])) as s:
        s.ref.tell(Busy.again(s.ref))
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        assert 10 < s.actor.count < 1000


async def test_nothing_begins_in_a_life_that_was_cancelled_meanwhile(autojump_clock: MockClock) -> None:
    """P4: with more to do, and no checkpoint in between."""
    diary: list[str] = []
    async with lives(Busy, lambda: Busy(diary), pause=1) as s:
        cutting, waiting = s.ref.send(Busy.cut_the_branch(s.scope)), s.ref.send(Robot.work())
        await cutting
        await wait_all_tasks_blocked()
        assert isinstance(waiting.error, Restarted)
    assert diary == []


async def test_nothing_begins_in_a_life_that_is_woken_and_cancelled_in_one_tick(
    autojump_clock: MockClock,
) -> None:
    """P4."""
    diary: list[str] = []
    async with robot(diary, pause=1) as s:
        await wait_all_tasks_blocked()
        waiting = s.ref.send(Robot.work())
        s.scope.cancel()
        await wait_all_tasks_blocked()
        assert isinstance(waiting.error, Restarted)
    assert diary == []


async def test_a_swallowed_cancellation_does_not_reach_the_next_command(autojump_clock: MockClock) -> None:
    """R4, R13: one caller's cancel never reaches another caller."""
    async with lives(Busy, lambda: Busy([])) as s:
        late = s.ref.send(Busy.swallow(), timeout=1)
        following = s.ref.send(Robot.work("following", 5))
        with pytest.raises(CommandTimeout):
            await late
        assert await following == "following"


async def test_a_handler_has_all_the_time_until_its_deadline(autojump_clock: MockClock) -> None:
    """R1, R2: to the point, wherever on the clock that is."""
    async with robot() as s:
        for delay in (0.001, 0.004, 0.0155):
            await trio.sleep(delay)
            began = trio.current_time()
            assert await s.ref.ask(Robot.work("in time", 1.0005), timeout=1.001) == "in time"
            with pytest.raises(CommandTimeout):
                await s.ref.ask(Robot.work("late", 2), timeout=1.001)
            assert trio.current_time() == pytest.approx(began + 1.0005 + 1.001, abs=1e-9)
