"""The grace that a lost link has: what waits goes on waiting, for a while."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, background
from labtroupe.errors import DeviceAbsent, LabtroupeError, LinkLost, Outcome, Restarted
from labtroupe.lifecycle import State
from labtroupe.messages import command
from labtroupe.policy import Backoff, Policy
from labtroupe.supervision import ChildSpec

from ._played import Run, supervised


@attrs.define(eq=False)
class Cable:
    """What a device hears, and when its cable is out."""

    heard: list[str] = attrs.field(factory=list[str])
    back_at: float = 0.0
    pulled: trio.Event = attrs.field(factory=trio.Event)


@attrs.define(eq=False)
class Linked(Actor):
    """An actor whose link can be lost."""

    grace = 3.0
    quarantine_after = 1000

    cable: Cable

    async def on_start(self) -> None:
        """Look for the device."""
        if trio.current_time() < self.cable.back_at:
            raise DeviceAbsent("no such device")

    @command
    async def say(self, what: str, error: Exception | None = None) -> None:
        """Say something, and fail if there is an error."""
        self.cable.heard.append(what)
        await trio.sleep(0.1)
        if error is not None:
            raise error

    @background
    async def listen(self) -> None:
        """Notice that the cable is out."""
        await self.cable.pulled.wait()
        self.cable.pulled = trio.Event()
        raise LinkLost("pulled")


def linked(cable: Cable) -> ChildSpec:
    policy = Policy(backoff=Backoff(jitter=0.0))
    return ChildSpec(name="a", factory=lambda: Linked(cable), actor_type=Linked, policy=policy)


async def up(run: Run) -> None:
    await run.supervisor.wait_state("a", State.RUNNING)
    await wait_all_tasks_blocked()


@pytest.mark.parametrize("noticed_by", ["the listener", "the command"])
async def test_what_waits_survives_a_short_loss_and_is_carried_out_once(
    autojump_clock: MockClock, noticed_by: str
) -> None:
    """L12, R6: the next life carries it out; what had begun is over."""
    cable = Cable()
    async with supervised(linked(cable)) as run:
        ref = run.supervisor.ref("a", Linked)
        await up(run)
        cable.back_at = trio.current_time() + 1.5
        first = ref.send(Linked.say("first", LinkLost("pulled") if noticed_by == "the command" else None))
        second = ref.send(Linked.say("second"))
        await trio.sleep(0.05)
        if noticed_by == "the listener":
            cable.pulled.set()
        with pytest.raises(LabtroupeError):
            await first
        await second
        assert first.outcome is Outcome.UNKNOWN
        assert cable.heard == ["first", "second"]


async def test_what_has_waited_for_longer_than_the_grace_is_refused(autojump_clock: MockClock) -> None:
    """L12, R7: who knows what the device is by then; what was asked since is carried out."""
    cable = Cable()
    async with supervised(linked(cable)) as run:
        ref = run.supervisor.ref("a", Linked)
        await up(run)
        cable.back_at = trio.current_time() + 8
        lost = ref.send(Linked.say("lost", LinkLost("pulled")), timeout=60)
        before = ref.send(Linked.say("before"), timeout=60)
        with pytest.raises(LinkLost):
            await lost
        since = ref.send(Linked.say("since"), timeout=60)
        with pytest.raises(Restarted):
            await before
        assert trio.current_time() <= 4, "soon after the grace"
        await since
        assert before.outcome is Outcome.NOT_SENT
        assert cable.heard == ["lost", "since"]


async def test_a_crash_has_no_grace(autojump_clock: MockClock) -> None:
    """R7: a fault in the code says nothing about when the device will be as it was."""
    cable = Cable()
    async with supervised(linked(cable)) as run:
        ref = run.supervisor.ref("a", Linked)
        await up(run)
        first = ref.send(Linked.say("first", ZeroDivisionError()))
        second = ref.send(Linked.say("second"))
        with pytest.raises(LabtroupeError):
            await first
        with pytest.raises(Restarted):
            await second
    assert cable.heard == ["first"]


async def test_a_stop_within_the_grace_refuses_what_waits(autojump_clock: MockClock) -> None:
    """R8, S13: nobody is going to carry it out."""
    cable = Cable()
    async with supervised(linked(cable)) as run:
        ref = run.supervisor.ref("a", Linked)
        await up(run)
        cable.back_at = trio.current_time() + 1.5
        lost, waiting = ref.send(Linked.say("lost", LinkLost("pulled"))), ref.send(Linked.say("waiting"))
        with pytest.raises(LinkLost):
            await lost
        assert not waiting.ended
        run.supervisor.stop("a")
        assert waiting.outcome is Outcome.NOT_SENT
