"""Running benches with groups and with instruments on demand: who starts, stops and fails with whom."""

from __future__ import annotations

import sys
from contextlib import aclosing
from pathlib import Path

import attrs
import pytest
import trio

from labtroupe import Bench, Instrument, State, command, open_bench
from labtroupe.errors import CommandCrashed, NotRunning
from labtroupe.messages import StateChanged


@attrs.define(eq=False)
class Fragile(Instrument):
    """Crashes on demand."""

    @command(timeout=5.0)
    async def answer(self) -> int:
        """Answer."""
        return 42

    @command(timeout=5.0)
    async def crash(self) -> None:
        """Crash."""
        raise OSError("broken")


@pytest.fixture(autouse=True)
def _kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fragile_mates", sys.modules[__name__])


def write(tmp_path: Path, instruments: dict[str, str], groups: str = "") -> Path:
    """Write a bench of fragile instruments, each with these lines in its table."""
    head = 'kind = "fragile_mates:Fragile"\naddress = "sim:scpi"\nbackoff = { first = 0 }'
    tables = [f"[instruments.{name}]\n{head}\n{lines}\n" for name, lines in instruments.items()]
    path = tmp_path / "bench.toml"
    path.write_text("".join(tables) + groups)
    return path


async def crash(bench: Bench, name: str) -> None:
    """Crash an instrument, and wait until it has."""
    with pytest.raises(CommandCrashed, match="broken"):
        await bench.ref(name, Fragile).ask(Fragile.crash())


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
    tmp_path: Path, strategy: str, history: list[str]
) -> None:
    """S3: in the order of the list, not in that of the file."""
    group = f'[groups.rig]\nstrategy = "{strategy}"\nmembers = ["c", "a", "b"]\n'
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, {"a": "", "b": "", "c": ""}, group)) as bench:
            started = await ups_and_downs(bench, 3)
            await crash(bench, "a")

            seen = await ups_and_downs(bench, 3 + len(history))
            assert seen[3:] == history
            assert started == ["+c", "+a", "+b"] or strategy == "one_for_one"


async def test_the_order_holds_whatever_the_members_depend_on(tmp_path: Path) -> None:
    """S3: of two members, the later one waits although only the other one depends on something."""
    group = '[groups.rig]\nstrategy = "rest_for_one"\nmembers = ["a", "b"]\n'
    bench_file = write(tmp_path, {"b": "", "a": 'depends_on = ["x"]', "x": ""}, group)
    with trio.fail_after(10):
        async with open_bench(bench_file) as bench:
            assert await ups_and_downs(bench, 3) == ["+x", "+a", "+b"]
            await crash(bench, "b")

            assert (await ups_and_downs(bench, 5))[3:] == ["-b", "+b"]


async def test_the_limit_of_a_group_is_that_of_all_its_members(tmp_path: Path) -> None:
    """S5, S6: they are parked together."""
    group = '[groups.rig]\nstrategy = "one_for_all"\nmembers = ["a", "b"]\nrestart = { max_restarts = 1 }\n'
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, {"a": "", "b": "", "x": ""}, group)) as bench:
            await ups_and_downs(bench, 3)
            await crash(bench, "a")
            await ups_and_downs(bench, 7)
            await crash(bench, "b")

            assert (await ups_and_downs(bench, 9))[7:] == ["-b", "-a"]
            with pytest.raises(NotRunning, match="restarting b did not help"):
                await bench.ref("a", Fragile).ask(Fragile.answer())
            assert await bench.ref("x", Fragile).ask(Fragile.answer()) == 42


async def test_an_instrument_on_demand_starts_when_something_is_asked_of_it(tmp_path: Path) -> None:
    """S11."""
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, {"a": 'connect = "on-demand"', "b": ""})) as bench:
            assert await bench.ref("b", Fragile).ask(Fragile.answer()) == 42
            lazy = bench.ref("a", Fragile)
            assert (lazy.state, bench.service.status("a").instruments[0].life) == (State.STOPPED, 0)

            assert await lazy.ask(Fragile.answer()) == 42
            assert lazy.state is State.RUNNING


async def test_an_instrument_on_demand_starts_for_one_that_depends_on_it(tmp_path: Path) -> None:
    """S11: even for a required one, with which the body begins."""
    instruments = {"a": 'connect = "on-demand"', "b": 'connect = "required"\ndepends_on = ["a"]'}
    with trio.fail_after(10):
        async with open_bench(write(tmp_path, instruments)) as bench:
            assert bench.ref("a", Fragile).state is State.RUNNING
