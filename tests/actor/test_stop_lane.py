"""The stop lane: urgent commands overtake all that waits, and interrupt nothing."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import STOP_LANE
from labtroupe.errors import CommandTimeout, MailboxFull, NotRunning, Outcome, Restarted
from labtroupe.lifecycle import State

from ._robot import Robot, outcome_of, robot


async def test_an_urgent_command_overtakes_what_waits_and_not_what_runs(autojump_clock: MockClock) -> None:
    """R9: it is the next one, whoever came before it."""
    diary: list[str] = []
    async with robot(diary) as s:
        replies = [s.ref.send(Robot.work(name, 5)) for name in "abc"]
        await trio.sleep(1)
        assert await s.ref.ask(Robot.off()) == "off"
        assert trio.current_time() == 5
        for reply in replies:
            await reply
    assert diary[:4] == ["begin a at 0", "end a at 5", "off at 5", "begin b at 5"]


async def test_urgent_commands_are_carried_out_in_order(autojump_clock: MockClock) -> None:
    """P7: first in, first out in each lane."""
    diary: list[str] = []
    async with robot(diary) as s:
        _ = s.ref.send(Robot.work("a", 4))
        await wait_all_tasks_blocked()
        replies = [s.ref.send(Robot.off(name)) for name in "xyz"]
        for reply in replies:
            await reply
    assert diary[2:] == ["x at 4", "y at 4", "z at 4"]


async def test_a_full_mailbox_has_room_for_urgent_commands(autojump_clock: MockClock) -> None:
    """R9: so many of them, in a lane of their own."""
    diary: list[str] = []
    async with robot(diary, capacity=1) as s, trio.open_nursery() as nursery:
        _ = s.ref.send(Robot.work("a", 4))
        await wait_all_tasks_blocked()
        for name in ("b", "c"):
            nursery.start_soon(s.ref.ask, Robot.work(name))
            await wait_all_tasks_blocked()
        for number in range(STOP_LANE):
            s.ref.tell(Robot.off(str(number)))
        with pytest.raises(MailboxFull):
            s.ref.tell(Robot.off("one too many"))
        nursery.start_soon(s.ref.ask, Robot.off("in line"))
        await wait_all_tasks_blocked()
        assert len(s.cell.mailbox) == 2 + STOP_LANE + 1
        urgent = ["0 at 4", "1 at 4", "2 at 4", "3 at 4", "in line at 4"]
        await trio.sleep(10)
        assert diary[2:] == [*urgent, "begin b at 4", "end b at 4", "begin c at 4", "end c at 4"]


async def test_it_stays_when_its_actor_crashes(autojump_clock: MockClock) -> None:
    """R7: what is to be switched off is to be switched off all the more."""
    diary: list[str] = []
    async with robot(diary, pause=1) as s:
        crashing = s.ref.send(Robot.crash(1))
        await wait_all_tasks_blocked()
        queued, urgent = s.ref.send(Robot.work("queued")), s.ref.send(Robot.off())
        assert await outcome_of(crashing) is Outcome.UNKNOWN
        assert isinstance(queued.error, Restarted)
        assert await urgent == "off"
    assert diary == ["off at 2"]


async def test_nobody_carries_it_out_where_no_life_will_follow(autojump_clock: MockClock) -> None:
    """R8."""
    async with robot() as s:
        _ = s.ref.send(Robot.work("a", 4))
        await wait_all_tasks_blocked()
        urgent = s.ref.send(Robot.off())
        s.cell.move(State.STOPPED)
        s.cell.flush(s.cell.refuse)
        assert isinstance(urgent.error, NotRunning)
        with pytest.raises(NotRunning):
            await s.ref.ask(Robot.off())


async def test_it_has_a_deadline_like_all_others(autojump_clock: MockClock) -> None:
    """R1, R13: a handler that does not end holds up the stop lane too."""
    diary: list[str] = []
    async with robot(diary) as s:
        _ = s.ref.send(Robot.stubborn(100))
        await wait_all_tasks_blocked()
        with pytest.raises(CommandTimeout) as caught:
            await s.ref.ask(Robot.off())
        assert (caught.value.stage, caught.value.outcome) == ("mailbox", Outcome.NOT_SENT)
        await trio.sleep(200)
    assert diary == []
