"""The quarantine: a command that crashes its actor again and again is not carried out any more."""

from __future__ import annotations

import math

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import ActorRef
from labtroupe.errors import CommandCrashed, Outcome, Quarantined
from labtroupe.messages import CommandQuarantined, command

from ._lives import lives
from ._robot import Robot, outcome_of, robot


@attrs.define(eq=False)
class Fragile(Robot):
    """Crashes if told to."""

    @command(idempotent=True, timeout=math.inf)
    async def query(self, *, crash: bool, seconds: float = 0.0) -> str:
        """Answer, or crash."""
        await trio.sleep(seconds)
        if crash:
            raise OSError("broken")
        return "answer"


async def crash(ref: ActorRef[Fragile], times: int) -> None:
    """Have the same command crash the actor."""
    for _ in range(times):
        with pytest.raises(CommandCrashed):
            await ref.ask(Fragile.query(crash=True))


async def test_after_three_crashes_in_a_row_a_command_is_refused(autojump_clock: MockClock) -> None:
    """S8: the actor stays, and carries out the others."""
    async with lives(Fragile, lambda: Fragile([])) as s:
        await crash(s.ref, 3)
        with pytest.raises(Quarantined, match=r"Fragile\.query\(.*\) has crashed it again") as caught:
            await s.ref.ask(Fragile.query(crash=False))
        assert caught.value.outcome is Outcome.NOT_SENT
        assert await s.ref.ask(Robot.look()) == "seen"
        assert len(s.crashes) == 3
        told = [event.command for event in s.events if isinstance(event, CommandQuarantined)]
        assert (told, s.cell.quarantine.commands) == (["query"], {"query"})


async def test_a_success_in_between_starts_the_count_again(autojump_clock: MockClock) -> None:
    """S8: of the same command; one of another proves nothing."""
    async with lives(Fragile, lambda: Fragile([])) as s:
        await crash(s.ref, 2)
        assert await s.ref.ask(Fragile.query(crash=False)) == "answer"
        await crash(s.ref, 2)
        assert await s.ref.ask(Robot.look()) == "seen"
        await crash(s.ref, 1)
        with pytest.raises(Quarantined):
            await s.ref.ask(Fragile.query(crash=False))


async def test_a_person_clears_it(autojump_clock: MockClock) -> None:
    """S13: and the count begins anew."""
    async with lives(Fragile, lambda: Fragile([])) as s:
        await crash(s.ref, 3)
        s.cell.clear_quarantine()
        await crash(s.ref, 2)
        assert await s.ref.ask(Fragile.query(crash=False)) == "answer"


async def test_what_waits_is_refused_too(autojump_clock: MockClock) -> None:
    """S8, R7: an idempotent one would stay for the next life, and crash that."""
    async with lives(Fragile, lambda: Fragile([])) as s:
        await crash(s.ref, 2)
        third = s.ref.send(Fragile.query(crash=True, seconds=1))
        waiting = s.ref.send(Fragile.query(crash=True))
        other = s.ref.send(Robot.look())
        assert await outcome_of(third) is Outcome.UNKNOWN
        assert isinstance(waiting.error, Quarantined)
        assert waiting.outcome is Outcome.NOT_SENT
        assert await other == "seen"
        assert len(s.crashes) == 3


async def test_a_restart_is_no_crash(autojump_clock: MockClock) -> None:
    """S8: neither is a refusal, nor a deadline."""
    async with robot() as s:
        for _ in range(4):
            _ = s.ref.send(Robot.work("a", 10))
            await wait_all_tasks_blocked()
            s.scope.cancel()
            await outcome_of(s.ref.send(Robot.refuse()))
            await outcome_of(s.ref.send(Robot.work("b", 10), timeout=1))
        assert await s.ref.ask(Robot.work("a")) == "a"
        assert s.cell.quarantine.commands == set()


async def test_a_class_says_how_many_crashes_it_takes(autojump_clock: MockClock) -> None:
    """S8: one, or as many as there may be."""

    class Suspicious(Fragile):
        quarantine_after = 1

    class Patient(Fragile):
        quarantine_after = math.inf

    async with lives(Suspicious, lambda: Suspicious([])) as s:
        await crash(s.ref, 1)
        with pytest.raises(Quarantined):
            await s.ref.ask(Fragile.query(crash=False))
    async with lives(Patient, lambda: Patient([])) as p:
        await crash(p.ref, 10)
        assert await p.ref.ask(Fragile.query(crash=False)) == "answer"
