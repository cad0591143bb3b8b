"""Waiting for many replies at once."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import gather
from labtroupe.errors import CommandRefused, CommandTimeout, Outcome

from ._robot import Robot, robot


async def test_all_answers_come_in_the_order_they_were_asked_for(autojump_clock: MockClock) -> None:
    async with robot() as a, robot() as b:
        slow, fast = a.ref.send(Robot.work("slow", 5)), b.ref.send(Robot.work("fast", 1))
        assert await gather(slow, fast) == ["slow", "fast"]
        assert trio.current_time() == 5
        assert await gather(slow, fast) == ["slow", "fast"]
        assert await gather() == []


async def test_all_have_ended_when_the_first_error_is_raised(autojump_clock: MockClock) -> None:
    """R3: the first in the order given; the others keep their own outcomes."""
    async with robot() as a, robot() as b, robot() as c:
        replies = [
            a.ref.send(Robot.work("slow", 5)),
            b.ref.send(Robot.work("late", 10), timeout=2),
            c.ref.send(Robot.refuse()),
        ]
        with pytest.raises(CommandTimeout):
            await gather(*replies)
        assert trio.current_time() == 5
        assert [reply.outcome for reply in replies] == [Outcome.DONE, Outcome.UNKNOWN, Outcome.REFUSED]
        with pytest.raises(CommandRefused):
            await gather(replies[2], replies[1])


async def test_to_be_cancelled_withdraws_all_of_them(autojump_clock: MockClock) -> None:
    """R4: those that run, those that wait, and not those that are done."""
    async with robot() as a, robot() as b:
        replies = [
            a.ref.send(Robot.look()),
            a.ref.send(Robot.work("running", 5)),
            a.ref.send(Robot.work("waiting")),
            b.ref.send(Robot.work("running", 5)),
        ]
        with trio.move_on_after(1) as scope:
            await gather(*replies)
        assert scope.cancelled_caught
        assert [reply.outcome for reply in replies] == [
            Outcome.DONE,
            Outcome.UNKNOWN,
            Outcome.NOT_SENT,
            Outcome.UNKNOWN,
        ]
        assert await a.ref.ask(Robot.look()) == "seen"


@pytest.mark.parametrize("attempt", range(20))
async def test_at_the_deadline_of_its_own_scope_a_caller_is_cancelled_by_it(
    autojump_clock: MockClock, attempt: int
) -> None:
    """R4: as with one reply."""
    scopes = [trio.CancelScope() for _ in range(attempt)]  # trio sorts equal deadlines by address
    async with robot() as a:
        del scopes
        reply = a.ref.send(Robot.work("a", 10), timeout=4)
        with trio.move_on_after(4) as scope:
            await gather(reply)
        assert scope.cancelled_caught


async def test_only_one_task_waits_for_a_reply(autojump_clock: MockClock) -> None:
    """And who may not wait for one of them, waits for none."""
    async with robot() as a, robot() as b, trio.open_nursery() as nursery:
        taken, free = a.ref.send(Robot.work("a", 5)), b.ref.send(Robot.work("b", 5))
        nursery.start_soon(taken.wait)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await gather(free, taken)
        with pytest.raises(trio.BusyResourceError):
            await gather(free, free)
        assert await free == "b"


async def test_to_gather_is_a_checkpoint(autojump_clock: MockClock) -> None:
    """Also where there is nothing to wait for."""
    async with robot() as a:
        reply = a.ref.send(Robot.look())
        await wait_all_tasks_blocked()
        for replies in ((), (reply,)):
            with trio.testing.assert_checkpoints():
                await gather(*replies)
