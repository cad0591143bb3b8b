"""What an operator can do to a bench, and see of it, without asking its instruments."""

from __future__ import annotations

import math
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import attrs
import pytest
import trio
from msgspec import structs

from labtroupe import ActorRef, Bench, Instrument, Reply, Unit, command, open_bench, reading
from labtroupe.actor import mark_acted
from labtroupe.control import LatchesNotKept, LatchReset
from labtroupe.control._wire import to_json
from labtroupe.errors import (
    ArgumentError,
    CommandError,
    Halted,
    NotRunning,
    Outcome,
    Quarantined,
    UnknownInstrumentError,
)
from labtroupe.messages import Event


@attrs.define(eq=False)
class Robot(Instrument):
    """Does what tests need."""

    @command(timeout=60.0)
    async def wait(self) -> None:
        """Wait for long."""
        await trio.sleep(60)

    @command
    async def crash(self) -> None:
        """Crash."""
        raise OSError("broken")

    @command
    async def nothing(self) -> None:
        """Do nothing."""

    @command
    async def act(self) -> None:
        """Reach the device."""
        mark_acted()

    @command(urgent=True)
    async def hush(self) -> None:
        """Do nothing, at once."""

    @reading(fresh_for=100.0)
    async def weight(self) -> Annotated[float, Unit("kg")]:
        """Weigh."""
        return 12.5

    @reading
    async def riddle(self) -> object:
        """Return what no JSON can express."""
        loop: list[object] = []
        loop.append(loop)
        return loop

    @reading
    async def infinity(self) -> float:
        """Return what only our JSON can express."""
        return math.inf


TEXT = """
[instruments.other]
kind = "scpi"
address = "sim:scpi"
[instruments.robot]
kind = "robot_kind:Robot"
address = "sim:scpi"
backoff = { first = 0.01 }
"""


@asynccontextmanager
async def opened(tmp_path: Path, text: str = TEXT) -> AsyncGenerator[tuple[Bench, ActorRef[Robot]]]:
    """Open a bench with a robot, and wait until that runs."""
    (tmp_path / "one.toml").write_text(text)
    with trio.fail_after(20):
        async with open_bench(tmp_path / "one.toml") as bench:
            robot = bench.ref("robot", Robot)
            await robot.ask(Robot.nothing())
            yield bench, robot


@pytest.fixture(autouse=True)
def _robots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "robot_kind", sys.modules[__name__])


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so that nobody tells of."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - in real time, and short
            await trio.sleep(0.01)


async def events(bench: Bench) -> list[Event]:
    """Return what has happened so far."""
    return [event async for event in bench.service.feed.read(follow=False)]


async def ended(reply: Reply[object]) -> CommandError:
    """Return the error of a request when it has ended."""
    with pytest.raises(CommandError) as caught:
        await reply
    return caught.value


# --- halt and reset


async def test_a_halt_without_names_is_one_of_all(tmp_path: Path) -> None:
    """S10."""
    async with opened(tmp_path) as (bench, robot):
        running = robot.send(Robot.wait())
        result = await bench.service.halt(reason=" smoke ")
        error = await ended(running)

        assert [(each.instrument, each.confirmed, each.reason) for each in result.reports] == [
            ("other", False, "no safe state is declared"),
            ("robot", False, "no safe state is declared"),
        ]
        assert result.not_kept == ""
        assert type(error) is Halted
        assert "halted (smoke)" in str(error)


@pytest.mark.parametrize("names", [["robot", "robbot"], ["robbot", "robot"]])
async def test_an_unknown_name_halts_and_resets_nobody(tmp_path: Path, names: list[str]) -> None:
    """S13: not found is told apart, before anything is done."""
    async with opened(tmp_path) as (bench, robot):
        with pytest.raises(UnknownInstrumentError, match="did you mean 'robot'"):
            await bench.service.halt(names, "smoke")
        await robot.ask(Robot.nothing())
        await bench.service.halt(["robot"], "smoke")
        with pytest.raises(UnknownInstrumentError, match="did you mean 'robot'"):
            await bench.service.reset(names, "aired")

        assert robot.state == "halted"


async def test_a_reset_has_a_reason_that_is_published(tmp_path: Path) -> None:
    """S10."""
    async with opened(tmp_path) as (bench, robot):
        await bench.service.halt(["robot"], "smoke")
        with pytest.raises(ArgumentError, match="takes a reason"):
            await bench.service.reset(["robot"], "\t ")
        assert robot.state == "halted"
        first, second = await bench.service.reset(["robot", "other"], "aired")
        told = [(each.instrument, each.text) for each in await events(bench) if isinstance(each, LatchReset)]

        assert (first.before, first.after, first.changed, first.note) == (
            "halted",
            "running",
            True,
            "not halted any more",
        )
        assert (second.changed, second.done, second.note) == (False, True, "was not halted")
        assert told == [("robot", "not halted any more: aired")]
        await robot.ask(Robot.nothing())


async def test_a_halted_instrument_can_be_stopped_but_not_be_made_to_run(tmp_path: Path) -> None:
    """S10, S13: the latch is on whatever becomes of the life behind it."""
    async with opened(tmp_path) as (bench, _):
        await bench.service.halt(["robot"], "smoke")
        stopped = await bench.service.stop("robot")
        started = await bench.service.start("robot")
        restarted = await bench.service.restart("robot")

        assert [(each.after, each.done) for each in (stopped, started, restarted)] == [
            ("halted", True),
            ("halted", False),
            ("halted", False),
        ]
        assert stopped.note.startswith("smoke (it is stopped")
        assert started.note.startswith("smoke (it is running")


# --- the other verbs


async def test_a_suspended_instrument_finishes_what_it_does_and_takes_nothing_more(tmp_path: Path) -> None:
    """S13: and the answers tell what was so before."""
    async with opened(tmp_path) as (bench, robot):
        first = bench.service.suspend("robot")
        again = bench.service.suspend("robot")
        refused = await ended(robot.send(Robot.nothing()))
        await robot.ask(Robot.hush())
        shown = bench.service.status("robot").instruments[0]
        resumed = bench.service.resume("robot")
        for_nothing = bench.service.resume("robot")

        assert [(each.changed, each.note) for each in (first, again, resumed, for_nothing)] == [
            (True, "suspended"),
            (False, "was suspended already"),
            (True, "takes commands again"),
            (False, "was not suspended"),
        ]
        assert (shown.state, shown.suspended) == ("running", True)
        assert isinstance(refused, NotRunning)
        await robot.ask(Robot.nothing())


async def test_what_is_in_quarantine_is_shown_until_it_is_cleared(tmp_path: Path) -> None:
    """S8, S13."""
    async with opened(tmp_path) as (bench, robot):
        for _ in range(3):
            await ended(robot.send(Robot.crash(), timeout=10))
            await robot.ask(Robot.nothing())
        refused = await ended(robot.send(Robot.crash()))
        shown = bench.service.status("robot").instruments[0]
        cleared = bench.service.clear("robot")
        for_nothing = bench.service.clear("robot")

        assert type(refused) is Quarantined
        assert shown.quarantined == ("crash",)
        assert (cleared.changed, cleared.note) == (True, "cleared: crash")
        assert (for_nothing.changed, for_nothing.note) == (False, "nothing was in quarantine")
        assert bench.service.status("robot").instruments[0].quarantined == ()


# --- looking


async def test_what_waits_is_seen_in_its_order_with_its_age(tmp_path: Path) -> None:
    """S14: without the mailbox; the urgent ones first."""
    async with opened(tmp_path) as (bench, robot):
        running = robot.send(Robot.wait())
        await wait_until(lambda: bench.service.status("robot").instruments[0].current is not None)
        waiting, urgent = robot.send(Robot.nothing()), robot.send(Robot.hush())
        await trio.sleep(0.05)
        shown = bench.service.status("robot").instruments[0]
        for reply in (running, waiting, urgent):
            reply.cancel()

        assert [(each.command, each.urgent) for each in shown.queue] == [
            ("Robot.hush()", True),
            ("Robot.nothing()", False),
        ]
        assert all(0.05 <= each.age < 10 for each in shown.queue)
        assert (shown.current, waiting.outcome) == ("Robot.wait()", Outcome.NOT_SENT)


async def test_readings_are_seen_with_value_unit_age_and_quality(tmp_path: Path) -> None:
    """S12, S14."""
    async with opened(tmp_path) as (bench, robot):
        before = bench.service.status("robot").instruments[0].readings
        await robot.ask(Robot.weight())
        await trio.sleep(0.05)
        weight = bench.service.status("robot").instruments[0].readings[0]
        await bench.service.stop("robot")
        lost = bench.service.status("robot").instruments[0].readings[0]

        assert [(each.name, each.value, each.age, each.quality) for each in before] == [
            ("weight", None, None, "none"),
            ("riddle", None, None, "none"),
            ("infinity", None, None, "none"),
        ]
        assert (weight.value, weight.unit, weight.quality) == (12.5, "kg", "good")
        assert weight.age is not None
        assert 0.05 <= weight.age < 10
        assert (lost.value, lost.quality) == (12.5, "lost")


async def test_who_runs_and_has_not_been_heard_for_too_long_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OA-13, S12: to run means something while its device was heard lately."""
    monkeypatch.setattr(Robot, "stale_after", 0.3)
    async with opened(tmp_path) as (bench, robot):

        def stale() -> float | None:
            return bench.service.status("robot").instruments[0].stale

        fresh = stale()
        await robot.ask(Robot.nothing())
        await trio.sleep(0.4)
        unheard = stale()
        await robot.ask(Robot.act())
        heard = stale()
        await trio.sleep(0.4)
        again = stale()
        await bench.service.stop("robot")
        stopped = stale()

    assert (fresh, heard, stopped) == (None, None, None)
    assert unheard is not None
    assert again is not None
    assert 0.3 < unheard < 10
    assert 0.3 < again < 10


async def test_an_odd_answer_of_one_does_not_hide_all_the_others(tmp_path: Path) -> None:
    """S14: the status of a bench is always there."""
    async with opened(tmp_path) as (bench, robot):
        await robot.ask(Robot.riddle())
        await robot.ask(Robot.infinity())
        shown = to_json(bench.service.status())["instruments"]
        readings = {each["name"]: each["value"] for each in shown[1]["readings"]}

        assert [each["name"] for each in shown] == ["other", "robot"]
        assert readings["infinity"] == "Infinity"
        assert isinstance(readings["riddle"], str)


async def test_restarts_are_seen_beside_how_many_are_allowed(tmp_path: Path) -> None:
    """S5, S14."""
    limit = "restart = { max_restarts = 7, max_seconds = 60.0, max_attempts = 9 }\n"
    async with opened(tmp_path, TEXT + limit) as (bench, robot):
        for _ in range(2):
            await ended(robot.send(Robot.crash(), timeout=10))
            await robot.ask(Robot.nothing())
        shown = bench.service.status("robot").instruments[0].restarts

        assert (shown.streak, shown.lately, shown.allowed, shown.seconds) == (2, 2, 7, 60.0)


@pytest.mark.parametrize(
    ("strategy", "limit", "other", "robot"),
    [
        ("one_for_all", "restart = { max_restarts = 5, max_seconds = 20.0 }", (1, 5, 20.0), (1, 5, 20.0)),
        ("one_for_one", "", (0, 3, 30.0), (1, 3, 30.0)),
    ],
)
async def test_where_one_restart_is_everybodys_it_is_the_groups_limit_that_counts(
    tmp_path: Path, strategy: str, limit: str, other: tuple[float, ...], robot: tuple[float, ...]
) -> None:
    """S5."""
    group = f'[groups.rig]\nstrategy = "{strategy}"\nmembers = ["other", "robot"]\n{limit}\n'
    async with opened(tmp_path, TEXT + group) as (bench, ref):
        await ended(ref.send(Robot.crash(), timeout=10))
        await ref.ask(Robot.nothing())
        shown = [each.restarts for each in bench.service.status().instruments]

    assert [(each.lately, each.allowed, each.seconds) for each in shown] == [other, robot]


async def test_who_has_it_for_himself_is_seen(tmp_path: Path) -> None:
    """S14, S17."""
    async with opened(tmp_path) as (bench, robot):
        async with robot.lease(holder="ada"):
            held = bench.service.status("robot").instruments[0].leased_by
        free = bench.service.status("robot").instruments[0].leased_by

        assert (held, free) == ("ada", "")


async def test_a_description_has_the_status_of_the_same_moment(tmp_path: Path) -> None:
    async with opened(tmp_path) as (bench, _):
        found = bench.service.describe("robot")

        assert (found.name, found.kind, found.address) == ("robot", "robot_kind:Robot", "sim:scpi")
        assert structs.replace(found.status, since=0.0, last_ok=0.0) == structs.replace(
            bench.service.status("robot").instruments[0], since=0.0, last_ok=0.0
        )


def test_the_events_say_in_one_sentence_what_happened() -> None:
    assert LatchReset(instrument="psu", reason="aired").text == "not halted any more: aired"
    assert LatchesNotKept(reason="no space").text == "the next process will not know what is halted: no space"
