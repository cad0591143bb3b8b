"""The ladder of restarts: soft over what is still open, then hard, then none."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.actor import Actor, background
from labtroupe.errors import LabtroupeError, LinkLost
from labtroupe.lifecycle import State
from labtroupe.messages import Message, command
from labtroupe.policy import Backoff, Policy, Restart, RestartLimit
from labtroupe.supervision import ChildSpec

from ._played import Run, supervised

POLICY = Policy(backoff=Backoff(first=1.0, jitter=0.0))


@attrs.define(eq=False)
class Line:
    """What is open at most once at a time, and what became of it."""

    log: list[str] = attrs.field(factory=list[str])
    violations: list[str] = attrs.field(factory=list[str])
    opened: int = 0
    is_open: bool = False
    close_seconds: float = 0.0

    def open(self) -> None:
        """Open it."""
        if self.is_open:
            self.violations.append("opened twice")
        self.opened, self.is_open = self.opened + 1, True


@attrs.define(eq=False)
class Holder(Actor):
    """An actor that holds a line open, which its next life may inherit."""

    quarantine_after = 1000

    line: Line
    born: list[int] = attrs.field(factory=list[int])
    has_it: bool = attrs.field(default=False, init=False)

    @property
    def heritable(self) -> bool:
        """Whether the line is open."""
        return self.has_it

    def inherit(self, former: Actor) -> None:
        """Take the line."""
        assert isinstance(former, Holder)
        former.has_it, self.has_it = False, True

    async def on_start(self) -> None:
        """Open the line, unless it is."""
        self.line.log.append("inherits" if self.has_it else "opens")
        if not self.has_it:
            self.line.open()
        self.has_it = True

    async def on_stop(self) -> None:
        """Close the line."""
        await trio.sleep(self.line.close_seconds)
        self.line.log.append("closes")
        self.line.is_open = self.has_it = False

    @command
    async def look(self) -> int:
        """Return which opening of the line this is."""
        return self.line.opened

    @command
    async def crash(self) -> None:
        """Fail for a reason that has nothing to do with the line."""
        raise ZeroDivisionError

    @command
    async def lose(self) -> None:
        """Fail because the line is broken."""
        raise LinkLost("pulled")


class Troubled(Holder):
    """One whose background task fails."""

    @background
    async def fail(self) -> None:
        """Fail after a while."""
        await trio.sleep(1)
        raise ZeroDivisionError


class Ephemeral(Holder):
    """One that leaves nothing to anybody."""

    @property
    def heritable(self) -> bool:
        """Whether anything is left: nothing is."""
        return False


def holder(line: Line, policy: Policy = POLICY, kind: type[Holder] = Holder) -> ChildSpec:
    return ChildSpec(name="a", factory=lambda: kind(line), actor_type=kind, policy=policy)


async def fail_by(run: Run, message: Message[None]) -> None:
    """Let it fail, and wait until it is up again or parked."""
    ref = run.supervisor.ref("a", Holder)
    with pytest.raises(LabtroupeError):
        await ref.ask(message)
    await run.supervisor.wait_settled("a")
    if ref.state is State.BACKOFF:
        await run.supervisor.wait_state("a", State.RUNNING)
    await run.supervisor.wait_settled("a")


async def test_the_first_restart_is_soft_and_the_next_is_hard(autojump_clock: MockClock) -> None:
    """S8: what is open stays so once; if that did not help, it is opened anew."""
    line = Line()
    async with supervised(holder(line)) as run:
        await run.supervisor.wait_been_up("a")
        await fail_by(run, Holder.crash())
        assert line.log == ["opens", "inherits"]
        await fail_by(run, Holder.crash())
        assert line.log == ["opens", "inherits", "closes", "opens"]
        await fail_by(run, Holder.crash())
        assert line.log[4:] == ["closes", "opens"]
    assert line.log[-1] == "closes"
    assert not line.violations


async def test_who_was_healthy_begins_the_ladder_anew(autojump_clock: MockClock) -> None:
    """S8, S5."""
    line = Line()
    async with supervised(holder(line)) as run:
        await run.supervisor.wait_been_up("a")
        for _ in range(5):
            await fail_by(run, Holder.crash())
            await trio.sleep(31)
    assert line.log == ["opens", *5 * ["inherits"], "closes"]


async def test_a_broken_link_is_never_inherited(autojump_clock: MockClock) -> None:
    """S8."""
    line = Line()
    async with supervised(holder(line)) as run:
        await run.supervisor.wait_been_up("a")
        await fail_by(run, Holder.lose())
        assert line.log == ["opens", "closes", "opens"]


async def test_a_background_task_that_fails_leaves_the_line_open(autojump_clock: MockClock) -> None:
    """S8, S15."""
    line = Line()
    async with supervised(holder(line, kind=Troubled)) as run:
        await run.supervisor.wait_been_up("a")
        await trio.sleep(2.5)
        assert line.log == ["opens", "inherits"]


@pytest.mark.parametrize(
    ("policy", "kind"),
    [(attrs.evolve(POLICY, restart=Restart.TEMPORARY), Holder), (POLICY, Ephemeral)],
    ids=["temporary", "not heritable"],
)
async def test_what_nobody_will_inherit_is_closed_at_once(
    autojump_clock: MockClock, policy: Policy, kind: type[Holder]
) -> None:
    """S8, P10."""
    line = Line()
    async with supervised(holder(line, policy, kind)) as run:
        await run.supervisor.wait_been_up("a")
        with pytest.raises(LabtroupeError):
            await run.supervisor.ref("a", kind).ask(Holder.crash())
        await trio.sleep(0.1)
        assert not line.is_open


async def test_an_order_between_two_lives_closes_what_was_left_open(autojump_clock: MockClock) -> None:
    """S8, S13: stopped while it backs off."""
    line = Line()
    async with supervised(holder(line)) as run:
        ref = run.supervisor.ref("a", Holder)
        await run.supervisor.wait_been_up("a")
        with pytest.raises(LabtroupeError):
            await ref.ask(Holder.crash())
        await trio.sleep(0.5)
        assert (ref.state, line.is_open) == (State.BACKOFF, True)
        run.supervisor.stop("a")
        await trio.sleep(0.1)
        assert line.log == ["opens", "closes"]


async def test_parked_it_holds_nothing_open(autojump_clock: MockClock) -> None:
    """S6, S8: the very first failure may be one too many."""
    line = Line()
    policy = attrs.evolve(POLICY, limit=RestartLimit(max_restarts=0))
    async with supervised(holder(line, policy)) as run:
        await run.supervisor.wait_been_up("a")
        await fail_by(run, Holder.crash())
        assert run.supervisor.ref("a", Holder).state is State.FAILED
        await trio.sleep(0.1)
        assert line.log == ["opens", "closes"]


async def test_the_end_between_two_lives_leaves_nothing_open(autojump_clock: MockClock) -> None:
    """S2, P19."""
    line = Line(close_seconds=1.0)
    async with supervised(holder(line)) as run:
        await run.supervisor.wait_been_up("a")
        with pytest.raises(LabtroupeError):
            await run.supervisor.ref("a", Holder).ask(Holder.crash())
        await trio.sleep(0.5)
    assert line.log == ["opens", "closes"]


async def test_a_new_life_waits_until_the_estate_is_closed(autojump_clock: MockClock) -> None:
    """S8, P12: stopped, and started again while that closes."""
    line = Line(close_seconds=1.0)
    async with supervised(holder(line)) as run:
        ref = run.supervisor.ref("a", Holder)
        await run.supervisor.wait_been_up("a")
        with pytest.raises(LabtroupeError):
            await ref.ask(Holder.crash())
        await trio.sleep(0.5)
        run.supervisor.stop("a")
        run.supervisor.start("a")
        run.supervisor.stop("a")
        await trio.sleep(0.1)
        run.supervisor.start("a")
        assert await ref.ask(Holder.look()) == 2
    assert not line.violations
    assert line.log == ["opens", "closes", "opens", "closes"]
