"""Storms of crashes over many actors, and over a bench of simulated instruments."""

from __future__ import annotations

import gc
import tracemalloc
from functools import partial
from random import Random
from typing import Final

import pytest
import trio
from trio.testing import MockClock

from labtroupe import ChildSpec, Supervisor

from ._scale import SEED, scaled
from ._storms import FOR_EVER, Brittle, Observer, break_all, break_some, wait_running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ACTORS: Final = 1000
INSTRUMENTS: Final = 40

FAULTS: Final = [
    ("unplug", ["0.2"]),
    ("mute", ["0.3"]),
    ("late", ["0.2", "0.5"]),
    ("noise", ["0.3"]),
    ("flood", ["0.1"]),
]

# Seconds that anybody waits for an answer who has nothing to do with the storm, at the
# most and half of the time: milliseconds, where nobody else wants the machine.
SLOWEST: Final = 3.0
USUAL: Final = 0.5


def many(number: int) -> list[ChildSpec]:
    """Return so many actors, and one who is left alone."""
    names = [f"a{each}" for each in range(number)]
    return [
        ChildSpec(name=name, factory=Brittle, actor_type=Brittle, policy=FOR_EVER)
        for name in [*names, "observed"]
    ]


async def test_who_is_left_alone_goes_on_in_a_storm_over_a_thousand() -> None:
    """S1, S7, S14, P17: neither an answer nor a look at all waits for those that crash."""
    chance = Random(SEED)  # noqa: S311 - repeatable, not secret
    supervisor = Supervisor(many(ACTORS), chance=chance)
    refs = [supervisor.ref(f"a{each}", Brittle) for each in range(ACTORS)]
    observer = Observer(
        partial(supervisor.ref("observed", Brittle).ask, Brittle.look()),
        lambda: [(member.cell.state, member.cell.reason, len(member.cell.mailbox)) for member in supervisor],
    )
    tasks = trio.lowlevel.current_statistics().tasks_living
    with trio.fail_after(60 + 10 * scaled(5)):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            await wait_running(refs)
            nursery.start_soon(observer.run)
            await break_all(refs, Brittle.crash())
            broken = await break_some(refs, Brittle.crash(), scaled(4), chance)
            await wait_running(refs)
            began = trio.current_time()
            nursery.cancel_scope.cancel()
    took = trio.current_time() - began
    print(f"{broken} crashes; {observer.report()}; the end took {took:.2f} s")  # noqa: T201 - a measurement

    assert max(observer.answers) < SLOWEST
    assert sorted(observer.answers)[len(observer.answers) // 2] < USUAL
    assert max(observer.looks) < USUAL
    assert took < SLOWEST
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    assert all(len(member.cell.mailbox) == 0 for member in supervisor)


async def test_memory_is_flat_over_storms(autojump_clock: MockClock) -> None:
    """P19: what a crash needs is given back."""
    storms = max(10, scaled(12))
    supervisor = Supervisor(many(30), chance=Random(SEED))  # noqa: S311 - repeatable, not secret
    refs = [supervisor.ref(f"a{each}", Brittle) for each in range(30)]
    used = list[int]()
    with trio.fail_after(100 * storms):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            tracemalloc.start()
            try:
                for _ in range(storms):
                    await break_all(refs, Brittle.crash())
                    gc.collect()
                    used.append(tracemalloc.get_traced_memory()[0])
            finally:
                tracemalloc.stop()
            nursery.cancel_scope.cancel()
    print("kB after each storm:", [each // 1000 for each in used])  # noqa: T201 - a measurement

    # It goes up and down with what the collector has not come by yet.
    assert min(used[-5:]) < max(used[:5])
