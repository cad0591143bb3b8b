"""Leases: an actor for oneself."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import ActorRef, Latch
from labtroupe.errors import Halted, Leased, Outcome
from labtroupe.messages import LeaseChanged, command, every

from ._lives import lives
from ._robot import Robot, robot


def told(events: list[object]) -> list[str]:
    """Return what was said of leases."""
    return [event.text for event in events if isinstance(event, LeaseChanged)]


async def test_the_holder_is_let_in_and_everybody_else_refused(autojump_clock: MockClock) -> None:
    """S17: while it lasts, and with the holder's name."""
    async with robot() as s:
        async with s.ref.lease(holder="alice") as mine:
            assert type(mine) is type(s.ref)
            assert await mine.ask(Robot.work()) == "work"
            assert await mine.proxy.look() == "seen"
            with pytest.raises(Leased, match=r"robot: leased by alice: Robot\.look\(\)") as caught:
                await s.ref.ask(Robot.look())
            assert caught.value.outcome is Outcome.NOT_SENT
            with pytest.raises(Leased):
                s.ref.tell(Robot.work())
        assert await s.ref.ask(Robot.look()) == "seen"
        assert told([*s.events]) == ["leased by alice", "the lease of alice is over: its block has ended"]


async def test_the_holders_ref_is_refused_when_it_is_over(autojump_clock: MockClock) -> None:
    """S17: it ends with its block."""
    async with robot() as s:
        async with s.ref.lease(holder="alice") as mine:
            pass
        with pytest.raises(Leased, match="the lease of alice is over"):
            await mine.ask(Robot.look())
        async with s.ref.lease(holder="bob"):
            with pytest.raises(Leased, match="the lease of alice is over"):
                await mine.ask(Robot.look())
        async with mine.lease(holder="alice") as again:
            assert await again.ask(Robot.look()) == "seen"


async def test_those_who_wait_have_it_in_order(autojump_clock: MockClock) -> None:
    """S17: and who gives up waiting is left out."""
    holders: list[str] = []
    async with robot() as s, trio.open_nursery() as nursery:

        async def hold(name: str, patience: float, seconds: float) -> None:
            with trio.move_on_after(patience):
                async with s.ref.lease(holder=name) as mine:
                    holders.append(f"{name} at {trio.current_time():g}")
                    await mine.ask(Robot.work(name, seconds))

        for name, patience, seconds in (("a", 100, 5), ("b", 100, 5), ("c", 3, 5), ("d", 100, 5)):
            nursery.start_soon(hold, name, patience, seconds)
            await wait_all_tasks_blocked()
    assert holders == ["a at 0", "b at 5", "d at 10"]
    assert s.cell.leases.held is None


@pytest.mark.parametrize("attempt", range(8))
async def test_who_is_cancelled_when_his_turn_comes_does_not_keep_it(
    autojump_clock: MockClock, attempt: int
) -> None:
    """S17: granted and cancelled in one tick."""
    del attempt  # trio shuffles the order of tasks in a tick
    async with robot() as s, trio.open_nursery() as nursery:

        async def hold(seconds: float) -> None:
            with trio.move_on_after(seconds):
                async with s.ref.lease(holder="somebody"):
                    await trio.sleep_forever()

        nursery.start_soon(hold, 5)
        await wait_all_tasks_blocked()
        nursery.start_soon(hold, 5)
        await trio.sleep(6)
        assert s.cell.leases.held is None


async def test_a_takeover_ends_the_lease_of_another_visibly(autojump_clock: MockClock) -> None:
    """S17: what he has queued is refused, what runs goes on, and he is told at his next ask."""
    diary: list[str] = []
    async with robot(diary) as s, s.ref.lease(holder="alice") as hers:
        running, queued = hers.send(Robot.work("running", 5)), hers.send(Robot.work("queued"))
        await wait_all_tasks_blocked()
        async with s.ref.lease(holder="bob", takeover=True) as his:
            with pytest.raises(Leased, match=r"the lease of alice is over \(taken over by bob\)"):
                await queued
            with pytest.raises(Leased, match="taken over by bob"):
                await hers.ask(Robot.look())
            assert (await his.ask(Robot.work("his")), await running) == ("his", "running")
        assert await s.ref.ask(Robot.look()) == "seen"
    assert diary == ["begin running at 0", "end running at 5", "begin his at 5", "end his at 5"]
    assert told([*s.events])[1:3] == ["the lease of alice is over: taken over by bob", "leased by bob"]


async def test_who_takes_over_goes_before_those_who_wait(autojump_clock: MockClock) -> None:
    """S17: and where there is nobody to take it from, it is a lease like any other."""
    holders: list[str] = []
    async with robot() as s, trio.open_nursery() as nursery:

        async def hold(name: str, takeover: bool) -> None:  # noqa: FBT001 - for a nursery
            async with s.ref.lease(holder=name, takeover=takeover):
                holders.append(name)
                await trio.sleep(5)

        for name, takeover in (("a", True), ("b", False), ("c", True)):
            nursery.start_soon(hold, name, takeover)
            await wait_all_tasks_blocked()
        await trio.sleep(6)
        assert holders == ["a", "c", "b"]


async def test_what_was_asked_before_it_is_done_before_it(autojump_clock: MockClock) -> None:
    """S17, P7: it was let in, and the holder's own comes after it."""
    diary: list[str] = []
    async with robot(diary) as s:
        _ = s.ref.send(Robot.work("a", 5))
        before = s.ref.send(Robot.work("before"))
        async with s.ref.lease(holder="alice") as mine:
            await mine.ask(Robot.work("mine"))
        assert before.ended
    assert [line.split()[1] for line in diary if line.startswith("begin")] == ["a", "before", "mine"]


async def test_what_the_holder_has_told_is_done_when_the_lease_is_over(autojump_clock: MockClock) -> None:
    """S17: to switch off is often the last thing to say."""
    diary: list[str] = []
    async with robot(diary) as s:
        async with s.ref.lease(holder="alice") as mine:
            _ = mine.send(Robot.work("a", 5))
            mine.tell(Robot.work("last"))
        await trio.sleep(10)
    assert diary[2:] == ["begin last at 5", "end last at 5"]


async def test_urgent_commands_and_a_halt_pass(autojump_clock: MockClock) -> None:
    """S10, S17: never gated; and the lease is still there after the reset."""
    async with robot() as s, s.ref.lease(holder="alice") as mine:
        assert await s.ref.ask(Robot.off()) == "off"
        running = mine.send(Robot.work("a", 5))
        await wait_all_tasks_blocked()
        s.cell.halt(Latch("fire"))
        assert isinstance(running.error, Halted)
        with pytest.raises(Halted):
            await mine.ask(Robot.look())


async def test_it_dies_with_the_life_of_the_actor(autojump_clock: MockClock) -> None:
    """S16: who had it is told, with all that he has queued, and the next in line has it."""
    async with robot(pause=1) as s, trio.open_nursery() as nursery:
        async with s.ref.lease(holder="alice") as hers:
            queued = hers.send(Robot.work("a", 5)), hers.send(Robot.look())
            await wait_all_tasks_blocked()
            got: list[ActorRef[Robot]] = []

            async def hold() -> None:
                async with s.ref.lease(holder="bob") as his:
                    got.append(his)
                    await trio.sleep(100)

            nursery.start_soon(hold)
            await wait_all_tasks_blocked()
            s.scope.cancel()
            await wait_all_tasks_blocked()
            assert queued[0].outcome is Outcome.UNKNOWN
            assert isinstance(queued[1].error, Leased)
            with pytest.raises(Leased, match=r"the lease of alice is over \(robot went down\)"):
                await hers.ask(Robot.look())
            assert await got[0].ask(Robot.look()) == "seen"
        assert s.cell.leases.held is not None


async def test_what_the_actor_does_by_itself_goes_on(autojump_clock: MockClock) -> None:
    """S17: its periodic work is nobody else's."""

    class Clockwork(Robot):
        @every(1.0)
        @command
        async def tick(self) -> None:
            self.note("tick")

    diary: list[str] = []
    async with lives(Clockwork, lambda: Clockwork(diary)) as s:
        await wait_all_tasks_blocked()
        async with s.ref.lease(holder="alice"):
            await trio.sleep(2.5)
    assert diary == ["tick at 0", "tick at 1", "tick at 2"]


async def test_a_ref_that_has_it_does_not_wait_for_itself(autojump_clock: MockClock) -> None:
    async with robot() as s, s.ref.lease(holder="alice") as mine:
        with pytest.raises(RuntimeError, match="leased already, by alice"):
            async with mine.lease(holder="alice"):
                pass
