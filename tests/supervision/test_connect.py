"""Connecting the actors of a supervisor, without a bench around it."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe import Actor, ChildSpec, State, Supervisor
from labtroupe.policy import Policy
from labtroupe.supervision import branch, connect


@attrs.define(eq=False)
class Gauge:
    """How many open now, by what they share, and the most there have been."""

    now: Counter[str] = attrs.field(factory=Counter[str])
    peak: Counter[str] = attrs.field(factory=Counter[str])

    def enter(self, what: str) -> None:
        """Count one in."""
        self.now[what] += 1
        self.peak[what] = max(self.peak[what], self.now[what])


@attrs.define(eq=False)
class Opened(Actor):
    """Takes a tenth of a second to open."""

    gauge: Gauge
    shares: str

    async def on_start(self) -> None:
        """Open."""
        for what in {"all", self.shares}:
            self.gauge.enter(what)
        await trio.sleep(0.1)
        for what in {"all", self.shares}:
            self.gauge.now[what] -= 1


def opened(name: str, gauge: Gauge, shares: str = "") -> ChildSpec:
    """Return the spec of one."""
    return ChildSpec(
        name=name, factory=lambda: Opened(gauge, shares), actor_type=Opened, policy=Policy(shares=shares)
    )


async def test_500_with_two_on_one_bus(autojump_clock: MockClock) -> None:
    """OA-2, OA-17: 0.1 s each, at most 20 at a time, and one on a bus: 2.5 s in all."""
    gauge = Gauge()
    names = [f"i{number}" for number in range(500)]
    supervisor = Supervisor([opened(name, gauge, "line" if name in {"i7", "i8"} else "") for name in names])
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            await connect(supervisor, names)
            elapsed = trio.current_time()
            nursery.cancel_scope.cancel()

    assert (gauge.peak["all"], gauge.peak["line"]) == (20, 1)
    assert elapsed == pytest.approx(2.5, abs=0.15)


async def test_those_of_an_inner_supervisor_are_connected_too(autojump_clock: MockClock) -> None:
    """OA-3: by force, and with what runs beside it left alone."""
    gauge = Gauge()
    inner = Supervisor([opened("a", gauge), opened("b", gauge)])
    supervisor = Supervisor([branch("inner", inner), opened("c", gauge)])
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            await connect(supervisor, ["a", "c"])
            assert supervisor.member("a").cell.state is State.RUNNING
            await connect(supervisor, ["a"], force=True)
            assert [supervisor.member(name).cell.life for name in "abc"] == [2, 1, 1]
            nursery.cancel_scope.cancel()
