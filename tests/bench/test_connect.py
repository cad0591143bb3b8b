"""Connecting instruments: who waits for what, and what is said of those that are not there."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe import ActorRef, Bench, State
from labtroupe.bench import _reminder
from labtroupe.errors import CommandRefused, LinkLost, NotConnected, UnknownInstrumentError
from labtroupe.messages import StateChanged

from ._world import Device, World, opened, table

HOUR = 3600.0


async def running(bench: Bench, *names: str) -> None:
    """Wait until instruments run."""
    for name in names:
        await bench.ref(name, Device).wait_state(State.RUNNING)


async def test_one_that_runs_is_left_as_it_is(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-3: connecting twice is connecting once."""
    async with opened(tmp_path, ["a"]) as (bench, world):
        await bench.connect("a")
        report = await bench.connect("a")

        assert report.connected
        assert len(world["a"].opened) == 1


async def test_one_that_backs_off_is_tried_at_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-3, OA-5: a try after a failure is a new one, and what failed before poisons nothing."""
    async with opened(tmp_path, ["a"], seconds=HOUR) as (bench, world):
        world["a"].absent = "no such device"
        await trio.sleep(120)
        world["a"].absent = ""
        before = trio.current_time()
        await bench.connect("a")

        assert trio.current_time() == pytest.approx(before + 0.1)


async def test_a_try_in_vain_says_why_and_is_followed_by_others(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-3, OA-9: the caller hears of it at once; the supervisor goes on."""
    async with opened(tmp_path, ["a", "b"]) as (bench, world):
        world["a"].absent = "nobody there"
        with pytest.raises(NotConnected, match=r"1 of 2 not connected: a \(nobody there\)") as caught:
            await bench.connect("a", "b")
        assert caught.value.reasons == {"a": "nobody there"}
        world["a"].absent = ""
        await trio.sleep(2)

        assert bench.connections().connected


async def test_an_instrument_that_a_person_has_stopped_is_started(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-3: to connect it is to want it."""
    async with opened(tmp_path, ["a"]) as (bench, _):
        await bench.connect("a")
        await bench.service.stop("a")
        assert (await bench.connect("a")).connected


async def test_without_names_those_are_meant_that_nobody_has_stopped(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-10: nor those that wait for their first use."""
    text = table("a") + table("lazy", connect='"on-demand"') + table("stopped")
    async with opened(tmp_path, text) as (bench, world):
        await bench.service.stop("stopped")
        report = await bench.connect()

        assert [each.name for each in report.connections] == ["a"]
        assert world["lazy"].opened == []
        assert (await bench.connect("lazy")).connected


async def test_to_force_it_is_a_new_life_and_one_for_all_who_want_it_now(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-4: two forcing callers, one reconnect."""
    async with opened(tmp_path, ["a"]) as (bench, world):
        await bench.connect("a")
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(lambda: bench.connect("a", force=True))

        assert len(world["a"].opened) == 2
        assert bench.ref("a", Device).state is State.RUNNING


async def test_one_waiter_that_leaves_takes_nothing_from_the_other(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-5: one physical connect serves whoever still waits."""
    Device.world["a"].opening = 5.0
    async with opened(tmp_path, ["a"]) as (bench, world):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.connect, "a")
            with trio.move_on_after(1) as impatient:
                await bench.connect("a")

        assert impatient.cancelled_caught
        assert len(world["a"].opened) == 1


async def test_a_timeout_leaves_the_others_connected_and_the_late_one_starting(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-5, OA-16: a limit for all is an argument, and each keeps its own."""
    Device.world["slow"].opening = 5.0
    async with opened(tmp_path, ["a", "slow"]) as (bench, world):
        with pytest.raises(NotConnected, match=r"1 of 2 not connected: slow \(starting\)"):
            await bench.connect(timeout=1)

        assert trio.current_time() < 1.2
        assert (await bench.connect(timeout=10)).connected
        assert len(world["slow"].opened) == 1


async def test_a_start_has_its_own_limit_however_long_somebody_waits(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-16: limits of single instruments are kept."""
    Device.world["a"].opening = Device.world["b"].opening = 5.0
    async with opened(tmp_path, table("a", start_timeout="3.0") + table("b")) as (bench, _):
        with pytest.raises(NotConnected, match=r"a \(not ready within 3 s\)"):
            await bench.connect("a", timeout=40)
        await running(bench, "b")


async def test_what_it_depends_on_is_tried_too_and_named_as_the_cause(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """DOD-8, OA-9: who depends on a dead one is not connected, and it is not its fault."""
    text = table("bus") + table("unit", depends_on='["bus"]') + table("other")
    async with opened(tmp_path, text, seconds=HOUR) as (bench, world):
        world["bus"].absent = "no such port"
        await trio.sleep(100)
        tries = len(world["bus"].opened)
        with pytest.raises(NotConnected, match=r"2 of 2 not connected: bus \(no such port\)$"):
            await bench.connect("unit")
        assert len(world["bus"].opened) == tries + 1

        lines = str(bench.connections()).splitlines()
        assert lines[0] == "world: 1 of 3 connected"
        assert lines[1].startswith("  bus: backoff, not connected since ")
        assert lines[1].endswith(" attempts): no such port")
        assert lines[2].startswith("    unit: starting, not connected since ")
        assert lines[2].endswith(": waits for bus")


async def test_what_it_depends_on_is_waited_for(tmp_path: Path, autojump_clock: MockClock) -> None:
    """DOD-8: to wait for that is no failure."""
    text = table("bus") + table("unit", depends_on='["bus"]')
    async with opened(tmp_path, text) as (bench, _):
        assert (await bench.connect("unit")).connected


async def test_those_before_it_in_its_group_are_waited_for(tmp_path: Path, autojump_clock: MockClock) -> None:
    """S3: although it does not depend on them."""
    groups = '[groups.g]\nstrategy = "rest_for_one"\nmembers = ["a", "b"]\n'
    async with opened(tmp_path, table("a") + table("b") + groups) as (bench, _):
        assert (await bench.connect("b")).connected


def all_away() -> Collection[str]:
    """Let three devices be away that are looked for for 5 s, 9 s, and 3 s; return their names."""
    seconds = {"a": 5.0, "b": 9.0, "c": 3.0}
    for name, opening in seconds.items():
        Device.world[name].opening, Device.world[name].absent = opening, "away"
    return seconds


async def test_each_is_waited_for_once_however_long_the_others_take(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-5: some have begun their next try before the last has had its first."""
    async with opened(tmp_path, all_away(), seconds=HOUR) as (bench, _):
        with pytest.raises(NotConnected):
            await bench.connect()
        assert trio.current_time() == pytest.approx(9.0, abs=0.1)


async def test_the_first_starts_are_over_when_the_last_has_had_its_first(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-9: whoever has begun its next try by then has been tried all the same."""
    async with opened(tmp_path, all_away(), seconds=HOUR) as (bench, _):
        report = await bench.wait_first_starts()

        assert len(report.missing) == 3
        assert trio.current_time() == pytest.approx(9.0, abs=0.1)


async def test_a_start_that_ignores_its_limit_is_wedged_and_not_waited_for(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """R13: it is told, with its stack, and named as the cause."""
    Device.world["deaf"].deaf, Device.world["deaf"].opening = True, 30.0
    text = table("deaf", start_timeout="1.0", shutdown="0.5")
    async with opened(tmp_path, text) as (bench, _):
        with pytest.raises(NotConnected, match="wedged"):
            await bench.connect()

        assert trio.current_time() == pytest.approx(1.0 + 0.5 + 1.0, abs=0.1)
        events = [each.kind async for each in bench.service.feed.read(follow=False)]
        assert "wedged" in events


async def test_those_it_waits_for_in_its_group_are_tried_now(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """S3, OA-3: although it does not depend on them."""
    groups = '[groups.g]\nstrategy = "one_for_all"\nmembers = ["a", "b"]\n'
    async with opened(tmp_path, table("a") + table("b") + groups, seconds=HOUR) as (bench, world):
        world["a"].absent = "away"
        await trio.sleep(200)
        world["a"].absent = ""
        assert (await bench.connect("b")).connected


async def test_an_unknown_name_is_an_error_and_nothing_is_done(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-9."""
    async with opened(tmp_path, table("a", connect='"on-demand"')) as (bench, world):
        with pytest.raises(UnknownInstrumentError, match="'b'"):
            await bench.connect("a", "b")
        assert world["a"].opened == []


# --- presence ---


async def test_to_ensure_it_a_device_has_to_answer_now(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-6: one that runs may have been gone for long."""
    async with opened(tmp_path, ["a"]) as (bench, world):
        await bench.connect("a")
        world["a"].answer = TimeoutError()
        assert (await bench.connect("a")).connected
        with pytest.raises(NotConnected, match=r"a \(.*was not done within 2 s"):
            await bench.ensure_connected("a")


async def test_a_device_that_says_no_is_there(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-6, R3."""
    async with opened(tmp_path, ["a"]) as (bench, world):
        world["a"].answer = CommandRefused("not now")
        assert (await bench.ensure_connected("a")).connected


async def test_one_that_has_lost_its_link_is_connected_anew(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-6: the second of the two differs from the first in that."""
    async with opened(tmp_path, ["a"]) as (bench, world):
        await bench.connect("a")

        async def mend() -> None:
            world["a"].answer = LinkLost("gone")
            while len(world["a"].opened) < 2:  # noqa: ASYNC110 - a list tells nobody
                await trio.sleep(0.01)
            world["a"].answer = None

        async with trio.open_nursery() as nursery:
            nursery.start_soon(mend)
            await wait_all_tasks_blocked()
            assert (await bench.ensure_connected("a")).connected
        assert len(world["a"].opened) == 2


async def test_one_that_does_not_answer_gets_a_new_connection_and_another_chance(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-6: once, also where its silence alone ends no life."""
    async with opened(tmp_path, ["a"]) as (bench, world):
        await bench.connect("a")
        world["a"].answer, world["a"].mended_by = TimeoutError(), 2
        assert (await bench.ensure_connected("a")).connected
        assert len(world["a"].opened) == 2


async def test_one_may_be_named_twice(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-15: by its name, by its ref, and in an object."""
    async with opened(tmp_path, ["a", "b"]) as (bench, _):
        pair = bench.refs(Pair)
        assert (await bench.ensure_connected("a", pair.a, pair, x=pair.a)).connected
        assert (await bench.connect("a", "a", pair)).connected


async def test_a_hundred_devices_prove_it_side_by_side(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-7: none waits for another's answer."""
    async with opened(tmp_path, [f"i{number}" for number in range(100)]) as (bench, _):
        await bench.connect()
        before = trio.current_time()
        assert len((await bench.ensure_connected()).connections) == 100

        assert trio.current_time() - before < 0.1


async def test_what_a_person_has_stopped_is_not_started_by_ensuring(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """S13: an operator's stop lasts until somebody starts it."""
    async with opened(tmp_path, ["a"]) as (bench, world):
        await bench.connect("a")
        await bench.service.stop("a")
        with pytest.raises(NotConnected, match="stopped by an operator"):
            await bench.ensure_connected("a")
        assert len(world["a"].opened) == 1


@attrs.frozen
class Pair:
    """Two instruments of a bench."""

    a: ActorRef[Device]
    b: ActorRef[Device]


@dataclasses.dataclass
class Plain:
    """The same, without attrs."""

    a: ActorRef[Device]


async def test_refs_come_in_a_class_that_names_them(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-15: typed, as attrs class and as dataclass, as arguments and as keywords."""
    async with opened(tmp_path, ["a", "b"]) as (bench, _):
        pair, plain = bench.refs(Pair), bench.refs(Plain)
        assert (await bench.ensure_connected(pair)).connected
        assert (await bench.ensure_connected(plain, "b")).connected
        assert (await bench.ensure_connected(one=pair.a, two=pair.b)).connected
        assert await pair.b.ask(Device.work()) == "b"


@attrs.frozen
class Wrong:
    """A field that is no ref."""

    a: int


class Bare:
    """No fields."""

    a: ActorRef[Device]


async def test_a_class_whose_fields_are_no_refs_is_refused(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-15: at once, and by name."""
    async with opened(tmp_path, ["a"]) as (bench, _):
        with pytest.raises(TypeError, match=r"Wrong\.a is not annotated as the ref"):
            bench.refs(Wrong)
        with pytest.raises(TypeError, match="Bare has no fields"):
            bench.refs(Bare)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType] - that is the mistake
        with pytest.raises(TypeError, match="no refs in its fields"):
            await bench.connect(Wrong(1))


# --- many ---


async def test_500_devices_start_20_at_a_time(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-2, OA-17: 0.1 s each, so 2.5 s in all."""
    async with opened(tmp_path, [f"i{number}" for number in range(500)]) as (bench, world):
        report = await bench.connect()

        assert report.connected
        assert world.peak == 20
        assert trio.current_time() == pytest.approx(2.5, abs=0.1)


async def test_the_limit_is_a_key_of_the_bench(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-17."""
    text = "[bench]\nstarts_at_once = 3\n" + "".join(table(f"i{number}") for number in range(9))
    async with opened(tmp_path, text) as (bench, world):
        await bench.connect()
        assert world.peak == 3


async def test_one_that_is_needed_now_does_not_wait_for_the_others(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-8, OA-11: the last of 500 is used, and is there at once."""
    async with opened(tmp_path, [f"i{number}" for number in range(500)]) as (bench, _):
        assert await bench.ref("i499", Device).ask(Device.work()) == "i499"
        assert trio.current_time() < 0.25
        await bench.connect("i490")
        assert trio.current_time() < 0.5


async def test_dead_ones_delay_nobody_and_are_listed(tmp_path: Path, autojump_clock: MockClock) -> None:
    """BAPI-1, BAPI-2, DOD-8: 3 of 10 dead, 7 usable at once, three with reason and since when."""
    names = [f"i{number}" for number in range(10)]
    async with opened(tmp_path, names) as (bench, world):
        for name in names[:3]:
            world[name].absent = f"{name} is away"
        for name in names[3:]:
            assert await bench.ref(name, Device).ask(Device.work()) == name
        assert trio.current_time() < 0.2
        report = await bench.wait_first_starts()

        assert {each.name: each.reason for each in report.missing} == {n: f"{n} is away" for n in names[:3]}
        assert all(each.since is not None for each in report.missing)


async def test_openings_that_hang_delay_nobody_for_long(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-17, BAPI-1: also where there are more of them than may start at the same time."""
    text = "[bench]\nstarts_at_once = 3\n" + "".join(
        table(name) for name in ["h1", "h2", "h3", "h4", "a", "b"]
    )
    for name in ["h1", "h2", "h3", "h4"]:
        Device.world[name].opening = 1000.0
    async with opened(tmp_path, text) as (bench, _):
        await running(bench, "a", "b")
        assert trio.current_time() < 2.5


async def test_an_opening_that_ignores_its_limit_delays_nobody(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-16, PLR-2: who waits for it is told on time, and the others are used."""
    text = table("deaf", start_timeout="1.0", shutdown="0.5") + table("a")
    Device.world["deaf"].deaf, Device.world["deaf"].opening = True, 20.0
    async with opened(tmp_path, text) as (bench, _):
        with pytest.raises(NotConnected, match="deaf"):
            await bench.connect(timeout=4)
        assert trio.current_time() <= 4
        assert await bench.ref("a", Device).ask(Device.work()) == "a"


async def test_a_device_that_appears_later_is_used_without_a_restart(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-18, BAPI-6: after five minutes; nothing else is touched."""
    async with opened(tmp_path, ["a", "late"], seconds=HOUR) as (bench, world):
        world["late"].appears_at = 300.0
        await running(bench, "late")
        assert trio.current_time() < 300 + 31
        assert await bench.ref("late", Device).ask(Device.work()) == "late"
        assert len(world["a"].opened) == 1


async def test_one_is_restarted_without_the_others(tmp_path: Path, autojump_clock: MockClock) -> None:
    """BAPI-5."""
    async with opened(tmp_path, ["a", "b"]) as (bench, world):
        await bench.connect()
        await bench.connect("a", force=True)

        assert (len(world["a"].opened), len(world["b"].opened)) == (2, 1)


# --- what is said of them ---


async def told(bench: Bench) -> list[str]:
    """Return what the feed remembers, a line each."""
    return [f"{each.instrument}: {each.text}" async for each in bench.service.feed.read(follow=False)]


async def test_an_absence_is_told_once_and_so_is_the_return(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-12, OA-19: and not each try in between."""
    async with opened(tmp_path, ["a"], seconds=HOUR) as (bench, world):
        world["a"].absent = "no such device"
        await trio.sleep(1000)
        assert len(world["a"].opened) > 20
        world["a"].absent = ""
        await running(bench, "a")

        assert await told(bench) == [
            "a: starting",
            "a: backoff, next try in 0.5 s: no such device",
            "a: running",
        ]


async def test_another_reason_is_told_too_but_not_without_end(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """OA-9, OA-12: some reasons are never twice the same."""
    async with opened(tmp_path, ["a"], seconds=24 * HOUR) as (bench, world):
        for number in range(20):
            world["a"].absent = f"reason {'abcdefghijklmnopqrstuvwxyz'[number]}, after {number} s"
            await trio.sleep(40)

        changes = [
            each async for each in bench.service.feed.read(follow=False) if isinstance(each, StateChanged)
        ]
        assert [each.reason[:8] for each in changes] == ["", *(f"reason {letter}" for letter in "abcdefghij")]


@pytest.mark.slow
async def test_a_hundred_dead_devices_leave_room_in_the_feed(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OA-12, OA-19: two lines each, and one an hour for all of them."""
    monkeypatch.setattr(_reminder, "_HOUR", 100.0)
    names = [f"i{number}" for number in range(100)]
    async with opened(tmp_path, [*names, "a"], seconds=HOUR) as (bench, world):
        for name in names:
            world[name].absent = "no such device"
        await trio.sleep(350)
        assert all(len(world[name].opened) > 10 for name in names)
        lines = await told(bench)

        assert len(lines) == 2 * 101 + 3
        reminders = [line for line in lines if line.startswith(": still not connected: ")]
        assert len(reminders) == 3
        assert all(reminders[0].count(f"{name}: backoff, not connected since") == 1 for name in names)


async def test_one_that_is_halted_is_tried_in_silence(tmp_path: Path, autojump_clock: MockClock) -> None:
    """OA-12, S10: that it is halted has been said."""
    async with opened(tmp_path, ["a"], seconds=HOUR) as (bench, world):
        world["a"].absent = "away"
        await trio.sleep(10)
        await bench.service.halt(["a"], "smoke")
        before = len(await told(bench))
        await trio.sleep(600)

        assert len(await told(bench)) == before


async def test_nobody_is_reminded_of_what_a_person_wants(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OA-19: stopped, halted and unused ones are not missing."""
    monkeypatch.setattr(_reminder, "_HOUR", 100.0)
    text = table("a") + table("lazy", connect='"on-demand"') + table("h")
    async with opened(tmp_path, text, seconds=HOUR) as (bench, _):
        await bench.connect("a", "h")
        await bench.service.stop("a")
        await bench.service.halt(["h"], "by hand")
        await trio.sleep(350)

        assert not [line for line in await told(bench) if "still" in line]


def test_the_world_is_clean() -> None:
    """A test that failed has left nothing behind."""
    assert Device.world == World() or not Device.world.devices
