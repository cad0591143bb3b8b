"""What an operator can do to a bench, and see of it, without asking its instruments."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

import attrs
import pytest
import trio
from msgspec import structs
from trio.testing import MockClock

from labtroupe import ActorRef, Bench, Instrument, Reply, Unit, command, reading
from labtroupe.control import LatchesNotKept, LatchReset
from labtroupe.control._wire import to_json
from labtroupe.errors import (
    ArgumentError,
    CommandError,
    CommandRefused,
    Halted,
    NotRunning,
    Outcome,
    Quarantined,
    UnknownInstrumentError,
)
from labtroupe.messages import Event
from labtroupe.testing import Double, FakeBench, MakeDouble, Probe


@attrs.define(eq=False)
class Robot(Instrument):
    """Is only stood in for."""

    @command(timeout=60.0)
    async def move(self) -> None:
        """Do whatever a test says."""

    @command(urgent=True)
    async def hush(self) -> None:
        """Be silent, at once."""

    @reading(fresh_for=100.0)
    async def weight(self) -> Annotated[float, Unit("kg")]:
        """Weigh."""
        raise NotImplementedError

    @reading
    async def riddle(self) -> object:
        """Return what no JSON can express."""
        raise NotImplementedError


TEXT = f"""
[instruments.other]
kind = "scpi"
address = "sim:scpi"
[instruments.robot]
kind = "{__name__}:Robot"
address = "sim:scpi"
"""

Opened = Callable[..., AbstractAsyncContextManager[tuple[Bench, ActorRef[Robot]]]]


@pytest.fixture
def double(make_double: MakeDouble) -> Double[Robot]:
    """What is in the place of the robot: it does whatever it is asked, and nothing else."""
    return make_double(Robot, strict=False)


@pytest.fixture
def opened(fake_bench: FakeBench, double: Double[Robot]) -> Opened:
    """Open a bench with a robot, and wait until that runs."""

    @asynccontextmanager
    async def opened(text: str = TEXT) -> AsyncGenerator[tuple[Bench, ActorRef[Robot]]]:
        with trio.fail_after(100):
            async with fake_bench(text, {"robot": double}) as bench:
                await bench.connect("robot")
                yield bench, bench.ref("robot", Robot)

    return opened


async def events(bench: Bench) -> list[Event]:
    """Return what has happened so far."""
    return [event async for event in bench.service.feed.read(follow=False)]


async def ended(reply: Reply[object]) -> CommandError:
    """Return the error of a request when it has ended."""
    with pytest.raises(CommandError) as caught:
        await reply
    return caught.value


# --- halt and reset


async def test_a_halt_without_names_is_one_of_all(opened: Opened, double: Double[Robot]) -> None:
    """S10."""
    double.when(Robot.move).hang()
    async with opened() as (bench, robot):
        running = robot.send(Robot.move())
        await Probe(double).expect(Robot.move())
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
async def test_an_unknown_name_halts_and_resets_nobody(opened: Opened, names: list[str]) -> None:
    """S13: not found is told apart, before anything is done."""
    async with opened() as (bench, robot):
        with pytest.raises(UnknownInstrumentError, match="did you mean 'robot'"):
            await bench.service.halt(names, "smoke")
        await robot.ask(Robot.move())
        await bench.service.halt(["robot"], "smoke")
        with pytest.raises(UnknownInstrumentError, match="did you mean 'robot'"):
            await bench.service.reset(names, "aired")

        assert robot.state == "halted"


async def test_a_reset_has_a_reason_that_is_published(opened: Opened) -> None:
    """S10."""
    async with opened() as (bench, robot):
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
        await robot.ask(Robot.move())


async def test_a_halted_instrument_can_be_stopped_but_not_be_made_to_run(opened: Opened) -> None:
    """S10, S13: the latch is on whatever becomes of the life behind it."""
    async with opened() as (bench, _):
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


async def test_a_suspended_instrument_finishes_what_it_does_and_takes_nothing_more(opened: Opened) -> None:
    """S13: and the answers tell what was so before."""
    async with opened() as (bench, robot):
        first = bench.service.suspend("robot")
        again = bench.service.suspend("robot")
        refused = await ended(robot.send(Robot.move()))
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
        await robot.ask(Robot.move())


async def test_what_is_in_quarantine_is_shown_until_it_is_cleared(
    opened: Opened, double: Double[Robot], virtual_clock: MockClock
) -> None:
    """S8, S13."""
    double.when(Robot.move).crash()
    async with opened() as (bench, robot):
        for _ in range(3):
            await ended(robot.send(Robot.move()))
            await bench.connect("robot")
        refused = await ended(robot.send(Robot.move()))
        shown = bench.service.status("robot").instruments[0]
        cleared = bench.service.clear("robot")
        for_nothing = bench.service.clear("robot")

        assert type(refused) is Quarantined
        assert shown.quarantined == ("move",)
        assert (cleared.changed, cleared.note) == (True, "cleared: move")
        assert (for_nothing.changed, for_nothing.note) == (False, "nothing was in quarantine")
        assert bench.service.status("robot").instruments[0].quarantined == ()


# --- looking


async def test_what_waits_is_seen_in_its_order_with_its_age(
    opened: Opened, double: Double[Robot], virtual_clock: MockClock
) -> None:
    """S14: without the mailbox; the urgent ones first."""
    double.when(Robot.move).hang()
    probe = Probe(double)
    async with opened() as (bench, robot):
        running = robot.send(Robot.move())
        await probe.expect(Robot.move())
        waiting, urgent = robot.send(Robot.weight()), robot.send(Robot.hush())
        await trio.sleep(2)
        shown = bench.service.status("robot").instruments[0]
        for reply in (running, waiting, urgent):
            reply.cancel()

        assert [(each.command, each.urgent) for each in shown.queue] == [
            ("Robot.hush()", True),
            ("Robot.weight()", False),
        ]
        assert [each.age for each in shown.queue] == [pytest.approx(2)] * 2
        assert (shown.current, waiting.outcome) == ("Robot.move()", Outcome.NOT_SENT)


async def test_readings_are_seen_with_value_unit_age_and_quality(
    opened: Opened, double: Double[Robot], virtual_clock: MockClock
) -> None:
    """S12, S14."""
    double.when(Robot.weight()).reply(12.5)
    async with opened() as (bench, robot):
        before = bench.service.status("robot").instruments[0].readings
        await robot.ask(Robot.weight())
        await trio.sleep(2)
        weight = bench.service.status("robot").instruments[0].readings[0]
        await bench.service.stop("robot")
        lost = bench.service.status("robot").instruments[0].readings[0]

        assert [(each.name, each.value, each.age, each.quality) for each in before] == [
            ("weight", None, None, "none"),
            ("riddle", None, None, "none"),
        ]
        assert (weight.value, weight.unit, weight.quality) == (12.5, "kg", "good")
        assert weight.age == pytest.approx(2)
        assert (lost.value, lost.quality) == (12.5, "lost")


async def test_who_runs_and_has_not_been_heard_for_too_long_is_stale(
    opened: Opened, double: Double[Robot], virtual_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OA-13, S12: to run means something while its device was heard lately."""
    monkeypatch.setattr(Robot, "stale_after", 30.0)
    double.when(Robot.move).raises(CommandRefused("not now"), sent=False).reply(None)
    async with opened() as (bench, robot):

        def stale() -> float | None:
            return bench.service.status("robot").instruments[0].stale

        fresh = stale()
        await trio.sleep(20)
        await ended(robot.send(Robot.move()))
        await trio.sleep(20)
        unheard = stale()
        await robot.ask(Robot.move())
        heard = stale()
        await trio.sleep(40)
        again = stale()
        await bench.service.stop("robot")
        stopped = stale()

    assert (fresh, heard, stopped) == (None, None, None)
    assert [unheard, again] == pytest.approx([40, 40])


async def test_an_odd_answer_of_one_does_not_hide_all_the_others(
    opened: Opened, double: Double[Robot]
) -> None:
    """S14: the status of a bench is always there."""
    loop: list[object] = []
    loop.append(loop)
    double.when(Robot.riddle()).reply(loop)
    double.when(Robot.weight()).reply(math.inf)
    async with opened() as (bench, robot):
        await robot.ask(Robot.riddle())
        await robot.ask(Robot.weight())
        shown = to_json(bench.service.status())["instruments"]
        readings = {each["name"]: each["value"] for each in shown[1]["readings"]}

        assert [each["name"] for each in shown] == ["other", "robot"]
        assert readings["weight"] == "Infinity"
        assert isinstance(readings["riddle"], str)


async def test_restarts_are_seen_beside_how_many_are_allowed(
    opened: Opened, double: Double[Robot], virtual_clock: MockClock
) -> None:
    """S5, S14."""
    double.when(Robot.move).crash()
    limit = "restart = { max_restarts = 7, max_seconds = 60.0, max_attempts = 9 }\n"
    async with opened(TEXT + limit) as (bench, robot):
        for _ in range(2):
            await ended(robot.send(Robot.move()))
            await bench.connect("robot")
        shown = bench.service.status("robot").instruments[0].restarts

        assert (shown.streak, shown.lately, shown.allowed, shown.seconds) == (2, 2, 7, 60.0)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (
            'strategy = "one_for_all"\nrestart = { max_restarts = 5, max_seconds = 20.0 }',
            [(1, 5, 20.0), (1, 5, 20.0)],
        ),
        ('strategy = "one_for_one"', [(0, 3, 30.0), (1, 3, 30.0)]),
    ],
    ids=["one_for_all", "one_for_one"],
)
async def test_where_one_restart_is_everybodys_it_is_the_groups_limit_that_counts(
    opened: Opened,
    double: Double[Robot],
    virtual_clock: MockClock,
    group: str,
    expected: list[tuple[int, int, float]],
) -> None:
    """S5."""
    double.when(Robot.move).crash()
    async with opened(f'{TEXT}[groups.rig]\nmembers = ["other", "robot"]\n{group}\n') as (bench, robot):
        await ended(robot.send(Robot.move()))
        await bench.connect("robot")
        shown = [each.restarts for each in bench.service.status().instruments]

    assert [(each.lately, each.allowed, each.seconds) for each in shown] == expected


async def test_who_has_it_for_himself_is_seen(opened: Opened) -> None:
    """S14, S17."""
    async with opened() as (bench, robot):
        async with robot.lease(holder="ada"):
            held = bench.service.status("robot").instruments[0].leased_by
        free = bench.service.status("robot").instruments[0].leased_by

        assert (held, free) == ("ada", "")


async def test_a_description_has_the_status_of_the_same_moment(opened: Opened) -> None:
    async with opened() as (bench, _):
        found = bench.service.describe("robot")

        assert (found.name, found.kind) == ("robot", f"{__name__}:Robot")
        assert found.address.startswith("sim:")
        assert structs.replace(found.status, since=0.0, last_ok=0.0) == structs.replace(
            bench.service.status("robot").instruments[0], since=0.0, last_ok=0.0
        )


def test_the_events_say_in_one_sentence_what_happened() -> None:
    assert LatchReset(instrument="psu", reason="aired").text == "not halted any more: aired"
    assert LatchesNotKept(reason="no space").text == "the next process will not know what is halted: no space"
