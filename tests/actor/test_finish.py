"""Lives that end because their actor has finished."""

from __future__ import annotations

import math

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Cell, Deadlines, Latch, Mailbox, background, finish, live
from labtroupe.errors import CommandError, Restarted
from labtroupe.lifecycle import State
from labtroupe.messages import command

from ._lives import lives
from ._robot import Robot


@attrs.define(eq=False)
class Runner(Robot):
    """Finishes by itself."""

    at_start: bool = False
    after: float = math.inf

    async def on_start(self) -> None:
        """Finish, perhaps."""
        if self.at_start:
            finish()

    @background
    async def run_out(self) -> None:
        """Finish after a while."""
        await trio.sleep(self.after)
        finish()
        await trio.sleep_forever()

    @command(timeout=math.inf)
    async def run(self, seconds: float) -> str:
        """Finish, and work on for a while."""
        finish()
        finish()
        await trio.sleep(seconds)
        self.note("ran")
        return "ran"

    @command
    async def leave_behind(self, nursery: trio.Nursery, seconds: float) -> None:
        """Leave a task behind that finishes later."""

        async def finish_later() -> None:
            await trio.sleep(seconds)
            finish()

        nursery.start_soon(finish_later)


async def test_a_command_that_finishes_is_the_last_of_its_life(autojump_clock: MockClock) -> None:
    """R7: it is done; what waits is for the next life, as with a crash, and so is who asks afterwards."""
    diary: list[str] = []
    async with lives(Runner, lambda: Runner(diary), pause=1) as s:
        running = s.ref.send(Runner.run(3))
        queued, idempotent = s.ref.send(Robot.work("queued")), s.ref.send(Robot.look())
        await wait_all_tasks_blocked()
        assert isinstance(queued.error, Restarted)
        meanwhile = s.ref.send(Robot.work("meanwhile"))
        assert await running == "ran"
        assert s.cell.life == 1
        assert await s.ref.ask(Robot.work("afterwards")) == "afterwards"
        assert (await meanwhile, await idempotent) == ("meanwhile", "seen")
        assert (s.cell.life, s.crashes) == (2, [])
    assert diary[0] == "ran at 3"
    assert diary[1] == "begin meanwhile at 4"


async def test_a_background_task_that_finishes_ends_the_life_after_the_present_command(
    autojump_clock: MockClock,
) -> None:
    """The command is done first, and the task itself is cancelled with the life."""
    diary: list[str] = []
    async with lives(Runner, lambda: Runner(diary, after=3), pause=1) as s:
        assert await s.ref.ask(Robot.work("work", 5)) == "work"
        await trio.sleep(0.5)
        assert (s.cell.life, s.ref.state) == (1, State.BACKOFF)
        await trio.sleep(1)
        assert (s.cell.life, s.crashes) == (2, [])


async def test_an_idle_actor_finishes_at_once(autojump_clock: MockClock) -> None:
    async with lives(Runner, lambda: Runner([], after=3), pause=100) as s:
        await trio.sleep(3.5)
        assert (s.ref.state, s.crashes) == (State.BACKOFF, [])


async def test_who_finishes_while_it_starts_has_never_been_up(autojump_clock: MockClock) -> None:
    """OTP's ``ignore``."""
    started: list[str] = []
    cell = Cell("runner", Runner, Mailbox(), Deadlines(), lambda _: None)
    with trio.fail_after(10):
        await live(cell, Runner([], at_start=True), started=lambda: started.append("started"))
    assert started == []


async def test_what_a_life_has_left_behind_does_not_finish_the_next_one(autojump_clock: MockClock) -> None:
    """P12."""
    async with lives(Runner, lambda: Runner([])) as s, trio.open_nursery() as nursery:
        await s.ref.ask(Runner.leave_behind(nursery, 5))
        s.scope.cancel()
        await trio.sleep(10)
        assert (s.cell.life, s.cell.up) == (2, True)


async def test_outside_an_actor_there_is_nothing_to_finish() -> None:
    """As with `mark_acted`: a command may be tried as a plain method."""
    assert await Runner([]).run(0) == "ran"


async def test_the_halted_makes_safe_before_it_ends(autojump_clock: MockClock) -> None:
    """S10: perhaps nobody else will."""
    diary: list[str] = []

    @attrs.define(eq=False)
    class Safe(Runner):
        async def safe_state(self) -> None:
            self.note("safe state")

    async with lives(Safe, lambda: Safe(diary, after=3), pause=100) as s:
        _ = s.ref.send(Robot.stubborn(5))
        await trio.sleep(2)
        s.cell.halt(Latch("fire"))
        await trio.sleep(10)
        with pytest.raises(CommandError):
            await s.ref.ask(Robot.look())
    assert diary == ["safe state at 5"]
