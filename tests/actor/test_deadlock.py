"""Deadlocks: who would have to wait for himself is told at once."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import ActorRef, background
from labtroupe.errors import Deadlock, Outcome
from labtroupe.messages import Command, command

from ._lives import Lives, lives
from ._robot import Careful, Robot, outcome_of, robot


async def test_an_actor_that_asks_itself_is_told(autojump_clock: MockClock) -> None:
    """R11: with the circle, in the one that closes it, and before anything was sent."""
    async with robot(name="a") as a:
        with pytest.raises(
            Deadlock, match=r"a: Robot\.work\('work', 0\.0\) would .*: a waits for a"
        ) as caught:
            await a.ref.ask(Robot.relay(a.ref))
        assert trio.current_time() == 0
        assert isinstance(caught.value.__cause__, Deadlock)
        assert caught.value.__cause__.outcome is Outcome.NOT_SENT
        assert (a.crashes, len(a.cell.mailbox)) == ([], 0)
        assert await a.ref.ask(Robot.look()) == "seen"


async def test_an_answer_that_was_not_sent_for_says_so(autojump_clock: MockClock) -> None:
    """R3, R11: nothing of it reached a device, neither of the asker's nor of the asked."""
    async with lives(Careful, lambda: Careful([]), name="a") as a:
        reply = a.ref.send(Careful.relay(a.ref))
        assert await outcome_of(reply) is Outcome.NOT_SENT


async def test_two_that_ask_each_other_are_told(autojump_clock: MockClock) -> None:
    """R11: one through the other."""
    async with robot(name="a") as a, robot(name="b") as b:
        with pytest.raises(Deadlock, match="b waits for a waits for b"):
            await a.ref.ask(Robot.relay(b.ref, a.ref))
        assert trio.current_time() == 0


async def test_of_two_crossing_asks_the_second_fails_and_the_first_is_answered(
    autojump_clock: MockClock,
) -> None:
    """R11: two handlers that know nothing of each other, and the one that closes the circle is told."""
    async with robot(name="a") as a, robot(name="b") as b:
        first = a.ref.send(Robot.relay_later(1, b.ref))
        second = b.ref.send(Robot.relay_later(2, a.ref))
        with pytest.raises(Deadlock, match="b waits for a waits for b"):
            await second
        assert trio.current_time() == 2
        assert await first == "work"
        assert trio.current_time() == 2


async def test_a_circle_of_three_is_found(autojump_clock: MockClock) -> None:
    """R11."""
    async with robot(name="a") as a, robot(name="b") as b, robot(name="c") as c:
        replies = [
            each.ref.send(Robot.relay_later(seconds, other.ref))
            for seconds, each, other in ((1, a, b), (2, b, c), (3, c, a))
        ]
        with pytest.raises(Deadlock, match="c waits for a waits for b waits for c"):
            await replies[2]
        assert trio.current_time() == 3
        assert [await reply for reply in replies[:2]] == ["work", "work"]


@pytest.mark.parametrize("ask_many", [Robot.ask_all, Robot.gather_from])
@pytest.mark.parametrize("crossing_first", [False, True])
async def test_a_circle_through_one_of_several_asks_is_found(
    autojump_clock: MockClock, ask_many: Command[..., list[str]], *, crossing_first: bool
) -> None:
    """R11: also where a handler waits for several at once, in tasks or together."""
    async with robot(name="a") as a, robot(name="b") as b, robot(name="c") as c:
        _ = b.ref.send(Robot.work("busy", 10))
        crossing = c.ref.send(Robot.relay_later(1, a.ref))
        others = (c.ref, b.ref) if crossing_first else (b.ref, c.ref)
        many = a.ref.send(ask_many(0, *others))
        with pytest.raises(Deadlock, match="c waits for a waits for c"):
            await crossing
        assert trio.current_time() == 1
        assert await many == [other.name for other in others]
        assert trio.current_time() == 10


@pytest.mark.parametrize("ask_many", [Robot.ask_all, Robot.gather_from])
async def test_one_of_several_asks_that_closes_a_circle_fails(
    autojump_clock: MockClock, ask_many: Command[..., list[str]]
) -> None:
    """R11: and what becomes of the others is up to who has asked."""
    async with robot(name="a") as a, robot(name="b") as b, robot(name="c") as c:
        crossing = c.ref.send(Robot.relay_later(1, a.ref))
        many = a.ref.send(ask_many(2, b.ref, c.ref))
        with pytest.raises(Deadlock, match="a waits for c waits for a"):
            await many
        assert trio.current_time() == 2
        assert await crossing == "work"


async def test_a_circle_through_a_busy_actor_is_found(autojump_clock: MockClock) -> None:
    """R11: an answer that is still in the mailbox waits for what runs there."""
    async with robot(name="a") as a, robot(name="b") as b, robot(name="c") as c:
        _ = c.ref.send(Robot.relay_later(1, b.ref))
        last = b.ref.send(Robot.relay_later(2, a.ref))
        await wait_all_tasks_blocked()
        waiting = a.ref.send(Robot.relay(c.ref))
        with pytest.raises(Deadlock, match="b waits for a waits for c waits for b"):
            await last
        assert await waiting == "work"


async def test_a_circle_that_is_closed_by_waiting_is_found_then(autojump_clock: MockClock) -> None:
    """R11: to have asked is no circle yet, to wait for it is."""
    async with sender() as a:
        assert await a.ref.ask(Sender.send_to(a.ref, wait=False)) == "sent"
        with pytest.raises(Deadlock, match="a waits for a"):
            await a.ref.ask(Sender.send_to(a.ref, wait=True))
        assert trio.current_time() == 0


async def test_a_task_beside_the_handlers_may_wait_for_its_own_actor(autojump_clock: MockClock) -> None:
    """R11: a handler that has given work to such a task does not wait for it."""
    async with sender() as a:
        assert await a.ref.ask(Sender.give_away(a.ref, 10)) == "given away"
        await trio.sleep(20)
        assert (a.actor.answers, a.crashes, a.failures) == (["seen"], [], [])


async def test_what_a_handler_has_left_behind_closes_no_circle(autojump_clock: MockClock) -> None:
    """R11: of another actor, when the handler that has given work away has ended long ago."""
    async with sender() as a, robot(name="b") as b:
        _ = b.ref.send(Robot.work("busy", 5))
        assert await a.ref.ask(Sender.give_away(b.ref, 0)) == "given away"
        crossing = b.ref.send(Robot.relay(a.ref))
        held = a.ref.send(Robot.work("busy", 10))
        assert (await crossing, await held) == ("work", "busy")
        assert a.actor.answers == ["seen"]


async def test_an_edge_is_gone_with_the_wait(autojump_clock: MockClock) -> None:
    """R11: who has stopped waiting waits no more, and who was answered neither."""
    async with sender() as a, robot(name="b") as b:
        _ = b.ref.send(Robot.work("busy", 5))
        holder = a.ref.send(Sender.give_up_and_sleep(b.ref, patience=1, sleep=50))
        await trio.sleep(10)
        crossing = b.ref.send(Robot.relay(a.ref))
        await wait_all_tasks_blocked()
        assert not crossing.ended
        assert (await holder, await crossing) == ("slept", "work")


@attrs.define(eq=False)
class Sender(Robot):
    """Asks in unusual ways."""

    answers: list[str] = attrs.field(factory=list[str], init=False)
    jobs: trio.Nursery | None = attrs.field(default=None, init=False)

    @background
    async def hold_jobs(self) -> None:
        """Do the jobs that handlers have given away."""
        async with trio.open_nursery() as self.jobs:
            await trio.sleep_forever()

    @command
    async def send_to(self, other: ActorRef[Robot], *, wait: bool) -> str:
        """Ask, and perhaps wait."""
        reply = other.send(Robot.look())
        return await reply if wait else "sent"

    @command(timeout=math.inf)
    async def give_away(self, other: ActorRef[Robot], seconds: float) -> str:
        """Have another task ask, and be busy for a while."""
        assert self.jobs is not None
        self.jobs.start_soon(self._ask, other)
        await trio.sleep(seconds)
        return "given away"

    @command(timeout=math.inf)
    async def give_up_and_sleep(self, other: ActorRef[Robot], *, patience: float, sleep: float) -> str:
        """Ask, for a while, and be busy for longer."""
        with trio.move_on_after(patience):
            await other.ask(Robot.work())
        await trio.sleep(sleep)
        return "slept"

    async def _ask(self, other: ActorRef[Robot]) -> None:
        self.answers.append(await other.ask(Robot.look(), timeout=100))


@asynccontextmanager
async def sender() -> AsyncGenerator[Lives[Sender]]:
    """Run a sender."""
    async with lives(Sender, lambda: Sender([]), name="a") as s:
        await wait_all_tasks_blocked()
        yield s
