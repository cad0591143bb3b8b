"""Running benches with groups and with instruments on demand: who starts, stops and fails with whom."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing

import pytest
import trio
from trio.testing import MockClock

from labtroupe import Bench, State
from labtroupe.errors import CommandCrashed, NotRunning
from labtroupe.kinds import LinkamT95
from labtroupe.messages import StateChanged
from labtroupe.testing import FakeBench, MakeDouble

Opened = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture
def opened(fake_bench: FakeBench, make_double: MakeDouble, virtual_clock: MockClock) -> Opened:
    """Open a bench of doubles that crash when they are told to stop, each with these lines in its table."""

    def opened(instruments: dict[str, str], groups: str = "") -> AbstractAsyncContextManager[Bench]:
        head = 'kind = "linkam-t95"\naddress = "sim:silent"\nbackoff = { first = 0 }'
        tables = [f"[instruments.{name}]\n{head}\n{lines}\n" for name, lines in instruments.items()]
        doubles = {name: make_double(LinkamT95) for name in instruments}
        for each in doubles.values():
            each.when(LinkamT95.temperature()).reply(42.0)
            each.when(LinkamT95.stop()).crash()
        return fake_bench("".join(tables) + groups, doubles)

    return opened


async def crash(bench: Bench, name: str) -> None:
    """Crash an instrument, and wait until it has."""
    with pytest.raises(CommandCrashed):
        await bench.ref(name, LinkamT95).ask(LinkamT95.stop())


async def ups_and_downs(bench: Bench, count: int) -> list[str]:
    """Return who came up (+) and went down (-) so far, waiting until it is ``count`` times."""
    seen: list[str] = []
    async with aclosing(bench.service.events(follow=True)) as events:
        async for event in events:
            if isinstance(event, StateChanged) and State.RUNNING in {event.before, event.after}:
                seen.append(f"{'+' if event.after is State.RUNNING else '-'}{event.instrument}")
            if len(seen) == count:
                break
    return seen


@pytest.mark.parametrize(
    ("strategy", "history"),
    [
        ("one_for_all", ["-a", "-b", "-c", "+c", "+a", "+b"]),
        ("rest_for_one", ["-a", "-b", "+a", "+b"]),
        ("one_for_one", ["-a", "+a"]),
    ],
)
async def test_who_shares_whose_fate_is_as_the_file_has_it(
    opened: Opened, virtual_clock: MockClock, strategy: str, history: list[str]
) -> None:
    """S3: in the order of the list, not in that of the file."""
    group = f'[groups.rig]\nstrategy = "{strategy}"\nmembers = ["c", "a", "b"]\n'
    with trio.fail_after(10):
        async with opened({"a": "", "b": "", "c": ""}, group) as bench:
            started = await ups_and_downs(bench, 3)
            await crash(bench, "a")

            seen = await ups_and_downs(bench, 3 + len(history))
            assert seen[3:] == history
            assert started == ["+c", "+a", "+b"] or strategy == "one_for_one"


async def test_the_order_holds_whatever_the_members_depend_on(
    opened: Opened, virtual_clock: MockClock
) -> None:
    """S3: of two members, the later one waits although only the other one depends on something."""
    group = '[groups.rig]\nstrategy = "rest_for_one"\nmembers = ["a", "b"]\n'
    tables = ({"b": "", "a": 'depends_on = ["x"]', "x": ""}, group)
    with trio.fail_after(10):
        async with opened(*tables) as bench:
            assert await ups_and_downs(bench, 3) == ["+x", "+a", "+b"]
            await crash(bench, "b")

            assert (await ups_and_downs(bench, 5))[3:] == ["-b", "+b"]


async def test_the_limit_of_a_group_is_that_of_all_its_members(
    opened: Opened, virtual_clock: MockClock
) -> None:
    """S5, S6: they are parked together."""
    group = '[groups.rig]\nstrategy = "one_for_all"\nmembers = ["a", "b"]\nrestart = { max_restarts = 1 }\n'
    with trio.fail_after(10):
        async with opened({"a": "", "b": "", "x": ""}, group) as bench:
            await ups_and_downs(bench, 3)
            await crash(bench, "a")
            await ups_and_downs(bench, 7)
            await crash(bench, "b")

            assert sorted((await ups_and_downs(bench, 9))[7:]) == ["-a", "-b"]
            with pytest.raises(NotRunning, match="restarting b did not help"):
                await bench.ref("a", LinkamT95).ask(LinkamT95.temperature())
            assert await bench.ref("x", LinkamT95).ask(LinkamT95.temperature()) == 42.0


async def test_an_instrument_on_demand_starts_when_something_is_asked_of_it(
    opened: Opened, virtual_clock: MockClock
) -> None:
    """S11."""
    with trio.fail_after(10):
        async with opened({"a": 'connect = "on-demand"', "b": ""}) as bench:
            assert await bench.ref("b", LinkamT95).ask(LinkamT95.temperature()) == 42.0
            lazy = bench.ref("a", LinkamT95)
            assert (lazy.state, bench.service.status("a").instruments[0].life) == (State.STOPPED, 0)

            assert await lazy.ask(LinkamT95.temperature()) == 42.0
            assert lazy.state is State.RUNNING


async def test_an_instrument_on_demand_starts_for_one_that_depends_on_it(
    opened: Opened, virtual_clock: MockClock
) -> None:
    """S11: even for a required one, with which the body begins."""
    instruments = {"a": 'connect = "on-demand"', "b": 'connect = "required"\ndepends_on = ["a"]'}
    with trio.fail_after(10):
        async with opened(instruments) as bench:
            assert bench.ref("a", LinkamT95).state is State.RUNNING
