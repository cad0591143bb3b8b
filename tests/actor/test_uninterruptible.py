"""Commands that go on without their callers, because they must not stop half-way."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.errors import CommandCancelled, CommandRefused, CommandTimeout, Outcome
from labtroupe.messages import LateAnswer

from ._lives import Lives, lives
from ._robot import Careful, Robot, outcome_of, robot


def late_answers(s: Lives[Robot]) -> list[str]:
    """Return what has reached nobody."""
    return [event.text for event in s.events if isinstance(event, LateAnswer)]


async def test_it_goes_on_when_its_caller_is_cancelled(autojump_clock: MockClock) -> None:
    """R4: the caller leaves at once, and the answer that reaches nobody is an event."""
    diary: list[str] = []
    async with robot(diary) as s:
        reply = s.ref.send(Robot.home(10))
        with trio.move_on_after(1):
            await reply
        assert (trio.current_time(), reply.outcome) == (1, Outcome.UNKNOWN)
        await trio.sleep(20)
        assert diary == ["begin home at 0", "end home at 10"]
        assert late_answers(s) == ["after its caller had gone, Robot.home(10) was done"]


async def test_it_goes_on_when_its_caller_withdraws_it(autojump_clock: MockClock) -> None:
    """R4."""
    diary: list[str] = []
    async with robot(diary) as s:
        reply = s.ref.send(Robot.home(10))
        await trio.sleep(1)
        reply.cancel()
        assert isinstance(reply.error, CommandCancelled)
        await trio.sleep(20)
    assert diary == ["begin home at 0", "end home at 10"]


async def test_the_next_command_waits_for_its_end(autojump_clock: MockClock) -> None:
    """R10: that nobody waits for it any more changes nothing about who is next."""
    diary: list[str] = []
    async with robot(diary) as s:
        with trio.move_on_after(1):
            await s.ref.ask(Robot.home(10))
        await s.ref.ask(Robot.work())
    assert diary == ["begin home at 0", "end home at 10", "begin work at 10", "end work at 10"]


async def test_the_deadline_of_its_callers_scope_is_not_that_of_its_handler(
    autojump_clock: MockClock,
) -> None:
    """R4, R1: its own timeout, given or declared, still is."""
    diary: list[str] = []
    async with robot(diary) as s:
        for timeout in (None, 7):
            began = trio.current_time()
            with trio.move_on_after(2):
                await s.ref.ask(Robot.home(1000), timeout=timeout)
            assert trio.current_time() == began + 2
            await trio.sleep_until(began + 100)
    assert diary == ["begin home at 0", "cut off at 60", "begin home at 100", "cut off at 107"]


async def test_at_the_end_of_its_own_timeout_its_caller_is_told(autojump_clock: MockClock) -> None:
    """R4, R5."""
    diary: list[str] = []
    async with robot(diary) as s:
        with pytest.raises(CommandTimeout) as caught:
            await s.ref.ask(Robot.home(1000), timeout=7)
        assert (caught.value.stage, caught.value.outcome) == ("running", Outcome.UNKNOWN)
        await wait_all_tasks_blocked()
        assert late_answers(s) == []
    assert diary == ["begin home at 0", "cut off at 7"]


async def test_queued_it_is_withdrawn(autojump_clock: MockClock) -> None:
    """R4: it has not begun, so nothing is stopped half-way."""
    diary: list[str] = []
    async with robot(diary) as s:
        _ = s.ref.send(Robot.work("first", 5))
        reply = s.ref.send(Robot.home(10))
        with trio.move_on_after(1):
            await reply
        assert reply.outcome is Outcome.NOT_SENT
        await trio.sleep(20)
    assert diary == ["begin first at 0", "end first at 5"]


async def test_a_restart_cancels_it(autojump_clock: MockClock) -> None:
    """R4: a life that is told to end ends, whatever it does."""
    diary: list[str] = []
    async with robot(diary) as s:
        reply = s.ref.send(Robot.home(10))
        await trio.sleep(1)
        s.scope.cancel()
        assert await outcome_of(reply) is Outcome.UNKNOWN
        assert await s.ref.ask(Robot.look()) == "seen"
    assert diary == ["begin home at 0", "cut off at 1"]


async def test_what_was_reported_as_not_sent_is_not_sent_later(autojump_clock: MockClock) -> None:
    """P3: without its caller it may go on thinking, but not act."""
    diary: list[str] = []
    async with lives(Careful, lambda: Careful(diary)) as s:
        reply = s.ref.send(Careful.think_then_act(10))
        with trio.move_on_after(1):
            await reply
        assert reply.outcome is Outcome.NOT_SENT
        await trio.sleep(20)
        assert (diary, s.crashes) == ([], [])
        assert await s.ref.ask(Robot.look()) == "seen"


async def test_what_it_asks_of_others_goes_on_too(autojump_clock: MockClock) -> None:
    """R2, R4: they inherit its own timeout and not its caller's deadline."""
    diary: list[str] = []
    async with robot(name="outer") as outer, robot(diary, name="inner") as inner:
        with trio.move_on_after(1):
            await outer.ref.ask(Robot.home_with(inner.ref, 10))
        await trio.sleep(20)
        with trio.move_on_after(1):
            await outer.ref.ask(Robot.home_with(inner.ref, 1000))
        await trio.sleep(100)
        assert inner.cell.current is None
    assert diary == ["begin for another at 0", "end for another at 10", "begin for another at 21"]


async def test_a_refusal_without_a_caller_is_an_event_and_the_actor_goes_on(
    autojump_clock: MockClock,
) -> None:
    """R9, R12."""
    async with robot() as s:
        with trio.move_on_after(1):
            await s.ref.ask(Robot.home_and(10, CommandRefused("no")))
        await trio.sleep(20)
        assert late_answers(s) == [
            "after its caller had gone, Robot.home_and(10, CommandRefused('no')) failed: no"
        ]
        assert s.crashes == []


async def test_a_crash_without_a_caller_is_a_crash(autojump_clock: MockClock) -> None:
    """R12."""
    async with robot() as s:
        with trio.move_on_after(1):
            await s.ref.ask(Robot.home_and(10, OSError("broken")))
        await trio.sleep(20)
        assert [type(crash) for crash in s.crashes] == [OSError]
        assert await s.ref.ask(Robot.look()) == "seen"
