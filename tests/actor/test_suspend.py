"""Suspending: the present command is done, and no more are taken."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Latch
from labtroupe.errors import CommandTimeout, Halted, NotRunning, Outcome
from labtroupe.lifecycle import State
from labtroupe.messages import SuspensionChanged

from ._robot import Robot, robot


async def test_the_present_command_is_done_and_no_other_begins(autojump_clock: MockClock) -> None:
    """S13: what waits, waits until it is resumed."""
    diary: list[str] = []
    async with robot(diary) as s:
        running, waiting = s.ref.send(Robot.work("a", 5)), s.ref.send(Robot.work("b"))
        await trio.sleep(1)
        s.cell.suspend()
        assert (s.cell.suspended, await running) == (True, "a")
        await trio.sleep(95)
        s.cell.resume()
        assert (s.cell.suspended, await waiting) == (False, "b")
    assert diary == ["begin a at 0", "end a at 5", "begin b at 100", "end b at 100"]


async def test_new_requests_are_refused(autojump_clock: MockClock) -> None:
    """S13: accept no more; with what to do about it."""
    async with robot() as s:
        s.cell.suspend()
        with pytest.raises(NotRunning, match=r"robot: suspended: Robot\.look\(\)") as caught:
            await s.ref.ask(Robot.look())
        assert (caught.value.outcome, caught.value.state) == (Outcome.NOT_SENT, State.RUNNING)
        assert "labtroupe resume" in caught.value.remedy
        s.cell.resume()
        assert await s.ref.ask(Robot.look()) == "seen"


async def test_what_waits_ends_at_its_deadline(autojump_clock: MockClock) -> None:
    """R1: suspended or not."""
    async with robot() as s:
        _ = s.ref.send(Robot.work("a", 5))
        waiting = s.ref.send(Robot.work("b"), timeout=10)
        await wait_all_tasks_blocked()
        s.cell.suspend()
        with pytest.raises(CommandTimeout) as caught:
            await waiting
        assert (trio.current_time(), caught.value.outcome) == (10, Outcome.NOT_SENT)


async def test_urgent_commands_pass(autojump_clock: MockClock) -> None:
    """S13, R9: the stop lane is open, to those that are idle and to those that work."""
    diary: list[str] = []
    async with robot(diary) as s:
        s.cell.suspend()
        assert await s.ref.ask(Robot.off()) == "off"
        s.cell.resume()
        _ = s.ref.send(Robot.work("a", 3))
        queued = s.ref.send(Robot.work("b"))
        await wait_all_tasks_blocked()
        s.cell.suspend()
        assert await s.ref.ask(Robot.off()) == "off"
        await trio.sleep(10)
        assert not queued.ended
    assert diary == ["off at 0", "begin a at 0", "end a at 3", "off at 3"]


async def test_a_halt_passes(autojump_clock: MockClock) -> None:
    """S10: never gated."""
    async with robot() as s:
        running, waiting = s.ref.send(Robot.work("a", 5)), s.ref.send(Robot.work("b"))
        await wait_all_tasks_blocked()
        s.cell.suspend()
        s.cell.halt(Latch("fire"))
        assert isinstance(running.error, Halted)
        assert isinstance(waiting.error, Halted)


async def test_the_next_life_is_suspended_too(autojump_clock: MockClock) -> None:
    """S13: a person wants that, and only a person ends it; nobody who backs off is refused early for it."""
    async with robot(pause=1) as s:
        _ = s.ref.send(Robot.crash(1))
        waiting = s.ref.send(Robot.look(), timeout=1000)
        await wait_all_tasks_blocked()
        s.cell.suspend()
        await trio.sleep(1.5)
        s.cell.refuse_the_impatient()
        await trio.sleep(100)
        assert (s.cell.life, waiting.ended) == (2, False)
        s.cell.resume()
        assert await waiting == "seen"


async def test_it_is_told_once(autojump_clock: MockClock) -> None:
    async with robot() as s:
        for verb in (s.cell.resume, s.cell.suspend, s.cell.suspend, s.cell.resume, s.cell.resume):
            verb()
        told = [event.suspended for event in s.events if isinstance(event, SuspensionChanged)]
        assert told == [True, False]
