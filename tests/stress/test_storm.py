"""Storms of crashes over many actors, and over a bench of simulated instruments."""

from __future__ import annotations

import gc
import tracemalloc
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe import ChildSpec, Supervisor, command
from labtroupe.bench import BenchConfig, load_bench, open_bench
from labtroupe.errors import LinkLost
from labtroupe.kinds import LinkamT95

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
    ("split", ["0.01", "0.3"]),
    ("garbled", ["0.5", "chance=0.3"]),
    ("duplicate", ["times=2"]),
    ("slow-drain", ["0.02", "0.3"]),
    ("echo", ["0.2"]),
    ("replug", ["0.2", "said=5"]),
    ("refuse", ["0.5"]),
    ("power-cycle", ["0.2", "heard=1"]),
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


@attrs.define(eq=False)
class Shaky(LinkamT95):
    """An instrument that breaks when it is told to."""

    quarantine_after = 1_000_000

    @command
    async def crash(self) -> None:
        """Break; an error of this class is not logged."""
        raise LinkLost("broken")


def bench_of_many(folder: Path) -> BenchConfig:
    """Return a bench of many instruments behind ptys and sockets, some of which depend on another."""
    tables = ['[instruments.observed]\nkind = "linkam-t95"\naddress = "sim:linkam-t95"\n']
    for each in range(INSTRUMENTS):
        via = "?via=tcp" if each % 2 else ""
        table = f'[instruments.i{each}]\nkind = "linkam-t95"\naddress = "sim:linkam-t95{via}"\n'
        tables.append(table + (f'depends_on = ["i{each - 1}"]\n' if each % 4 == 1 else ""))
    (folder / "many.toml").write_text("\n".join(tables))
    config = load_bench(folder / "many.toml")
    lasting = [
        attrs.evolve(
            each,
            instrument_type=Shaky,
            policy=attrs.evolve(FOR_EVER, depends_on=each.policy.depends_on),
        )
        for each in config.instruments
    ]
    return attrs.evolve(config, instruments=tuple(lasting))


async def test_a_bench_of_simulated_instruments_comes_through_a_storm(tmp_path: Path) -> None:
    """S1, S7, S14, L7, P19: crashes, pulled cables and late answers, and in the end all are back."""
    chance = Random(SEED)  # noqa: S311 - repeatable, not secret
    names, crashes = [f"i{each}" for each in range(INSTRUMENTS)], 0
    with trio.fail_after(60 + 10 * scaled(5)):
        async with open_bench(bench_of_many(tmp_path)) as bench, trio.open_nursery() as nursery:
            refs = [bench.ref(name, Shaky) for name in names]
            observed = bench.ref("observed", Shaky)
            await wait_running([*refs, observed])
            observer = Observer(partial(observed.ask, Shaky.temperature()), bench.service.status)
            nursery.start_soon(observer.run)
            end = trio.current_time() + scaled(6)
            while trio.current_time() < end:
                crashes += await break_some(refs, Shaky.crash(), 0.25, chance)
                fault, arguments = chance.choice(FAULTS)
                bench.service.inject(chance.choice(names), fault, arguments)
            for name, ref in zip(names, refs, strict=True):
                bench.service.inject(name, "clear")
                # Over its own wire, after whatever restarts are due.
                await ref.ask(Shaky.temperature(), timeout=30.0)
            nursery.cancel_scope.cancel()
    print(f"{crashes} crashes; {observer.report()}")  # noqa: T201 - a measurement

    assert crashes > 0
    assert max(observer.answers) < SLOWEST
    assert sorted(observer.answers)[len(observer.answers) // 2] < USUAL
    assert sorted(observer.looks)[len(observer.looks) // 2] < USUAL
