"""L10: all that a link can do, over a bus, with what is promised of a link of one's own."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import pytest
import trio
from trio.testing import MockClock

from labtroupe import State
from labtroupe.errors import ArgumentError, CommandTimeout, LabtroupeError, LinkError, NoAnswer, Outcome
from labtroupe.messages import AttendanceChanged, CommandFailed

from ._ascii_line import AsciiBench, AsciiBus, AsciiLine, Thermometer, ascii_bench
from ._multidrop import LATENCY

LIVE = [1, 2, 3, 4, 5, 6, 7]
SECONDS = 30


async def test_what_has_no_answer_is_sent_in_turn(autojump_clock: MockClock) -> None:
    """L10: and what comes next is the answer to what is asked next."""
    with trio.fail_after(100):
        async with ascii_bench([1, 2]) as bench:
            other = bench.thermometer(2).send(Thermometer.temperature())
            await bench.thermometer(1).ask(Thermometer.select(7))
            number = await bench.thermometer(1).ask(Thermometer.temperature())

            assert bench.line.given[await other][0] == 2
            assert bench.line.given[number] == (1, 7)


async def test_to_a_device_that_is_absent_nothing_is_sent(autojump_clock: MockClock) -> None:
    """L10, R3: as nobody would notice that it is not there."""
    with trio.fail_after(100):
        async with ascii_bench([], AsciiLine(late={1: math.inf})) as bench:
            with pytest.raises(NoAnswer):
                await bench.bus.ask(AsciiBus.look_for(1))
            with pytest.raises(NoAnswer, match="it is asked again in") as caught:
                await bench.bus.ask(AsciiBus.send(1, b"@01 CH 3"))

            assert caught.value.outcome is Outcome.NOT_SENT
            assert bench.line.channel == 0


async def test_an_answer_in_several_frames_comes_whole(autojump_clock: MockClock) -> None:
    """L10: a caller who leaves in the middle of it leaves nothing behind."""
    with trio.fail_after(100):
        async with ascii_bench([1, 2]) as bench:
            with pytest.raises(CommandTimeout):
                await bench.thermometer(1).ask(Thermometer.log(), timeout=1.5 * LATENCY)
            assert await bench.thermometer(2).ask(Thermometer.log()) == ["2 yesterday", "2 today", "END"]
            assert await bench.thermometer(1).ask(Thermometer.log()) == ["1 yesterday", "1 today", "END"]


async def test_a_mistake_in_a_driver_does_not_crash_the_bus(autojump_clock: MockClock) -> None:
    """R12: it is the instrument's own failure, though the bus has found it."""
    with trio.fail_after(100):
        async with ascii_bench([1, 2]) as bench:
            with pytest.raises(LinkError, match=r"could not be checked: IndexError"):
                await bench.thermometer(1).ask(Thermometer.broken_log())

            assert bench.bus.state is State.RUNNING
            assert await bench.thermometer(2).ask(Thermometer.temperature())
            await trio.sleep(3)
            assert await bench.thermometer(1).ask(Thermometer.temperature())


async def test_a_request_to_another_device_is_refused(autojump_clock: MockClock) -> None:
    """L2: its late answer could be taken for another one, and it would seem to be absent."""
    with trio.fail_after(100):
        async with ascii_bench([1, 2]) as bench:
            with pytest.raises(ArgumentError, match=r"b'T\?' is not for unit 1") as caught:
                await bench.thermometer(1).ask(Thermometer.ask_without_address())
            with pytest.raises(ArgumentError):
                await bench.bus.ask(AsciiBus.send(1, b"@02 CH 3"))

            assert caught.value.outcome is Outcome.NOT_SENT
            assert await bench.thermometer(1).ask(Thermometer.temperature())


@pytest.mark.parametrize("seed", range(3))
async def test_in_a_transaction_nobody_comes_between(autojump_clock: MockClock, seed: int) -> None:
    """L10, L2: whoever is late or given up meanwhile; and each answer is to its own question."""
    chance = Random(seed)  # noqa: S311 - repeatable
    wrong: list[tuple[int, int, int]] = []
    right = 0

    async def ask(unit: int) -> None:
        nonlocal right
        for number in range(60):
            channel = 100 * unit + number
            bench.line.late[unit] = chance.choice([LATENCY] * 12 + [0.3, 0.55, 0.9, math.inf])
            timeout = chance.choice([0.01, 0.03, 0.1, 1.0, 5.0])
            pause = chance.choice([0.0] * 8 + [0.2, 2.0])
            try:
                value = await bench.thermometer(unit).ask(
                    Thermometer.temperature_of(channel, pause), timeout=timeout
                )
            except LabtroupeError:
                await trio.sleep(chance.random() * 3)
                continue
            right += 1
            if bench.line.given[value] != (unit, channel):
                wrong.append((unit, channel, value))

    with trio.fail_after(10000):
        async with ascii_bench([1, 2, 3, 4]) as bench, trio.open_nursery() as nursery:
            for unit in (1, 2, 3, 4):
                nursery.start_soon(ask, unit)

    assert wrong == []
    assert right > 50


async def test_who_does_not_let_go_of_the_bus_is_sent_away(autojump_clock: MockClock) -> None:
    """L10: after a second, with an error of his own, and nothing that he has begun goes on."""
    with trio.fail_after(100):
        async with ascii_bench([1, 2]) as bench:
            greedy = bench.thermometer(1).send(Thermometer.temperature_of(3, 8.0))
            await trio.sleep(0.1)
            began = trio.current_time()
            assert await bench.thermometer(2).ask(Thermometer.temperature())
            assert trio.current_time() - began < 1.0
            with pytest.raises(CommandTimeout, match="held the bus for 1 s"):
                await greedy

            assert bench.line.heard.count(b"@01 T?") == 0
            assert bench.thermometer(1).state is State.RUNNING
            assert await bench.thermometer(1).ask(Thermometer.temperature_of(3))


async def test_a_safe_state_comes_through_while_a_neighbour_has_the_bus(autojump_clock: MockClock) -> None:
    """S9: at the latest when that has to let go; and who is halted lets go at once."""
    with trio.fail_after(100):
        async with ascii_bench([1, 2]) as bench:
            held = bench.thermometer(1).send(Thermometer.temperature_of(3, 8.0))
            await trio.sleep(0.1)
            (report,) = await bench.supervisor.halt(["t2"], "it smells")
            assert report.confirmed
            with pytest.raises(CommandTimeout):
                await held
            held = bench.thermometer(1).send(Thermometer.temperature_of(3, 8.0))
            await trio.sleep(0.1)
            began = trio.current_time()
            reports = await bench.supervisor.halt(None, "it burns")

            assert {each.instrument for each in reports if each.confirmed} == {"t1", "t2"}
            assert trio.current_time() - began < 0.2
            assert held.outcome is not Outcome.DONE


async def test_one_transaction_after_the_other_leaves_the_others_their_turns(
    autojump_clock: MockClock,
) -> None:
    """L10: a transaction is one turn."""
    counts = Counter[int]()

    async def poll(unit: int) -> None:
        while True:
            transaction = unit == 1
            await bench.thermometer(unit).ask(
                Thermometer.temperature_of(1) if transaction else Thermometer.temperature()
            )
            counts[unit] += 1

    with trio.fail_after(100):
        async with ascii_bench([1, 2, 3]) as bench, trio.open_nursery() as nursery:
            for unit in (1, 2, 3):
                nursery.start_soon(poll, unit)
            await trio.sleep(5)
            nursery.cancel_scope.cancel()

    assert max(counts.values()) - min(counts.values()) <= 1


async def test_a_transaction_whose_bus_is_lost_ends_with_it(autojump_clock: MockClock) -> None:
    """R12, S3: nobody waits for a bus that serves nobody."""
    with trio.fail_after(100):
        async with ascii_bench([1, 2]) as bench:
            held = bench.thermometer(1).send(Thermometer.temperature_of(3, 0.9))
            await trio.sleep(0.2)
            began = trio.current_time()
            bench.supervisor.restart("bus")
            with pytest.raises(LabtroupeError):
                await held

            assert trio.current_time() - began < 0.1
            await bench.thermometer(1).wait_state(State.STARTING)
            await bench.thermometer(1).wait_state(State.RUNNING)
            assert await bench.thermometer(1).ask(Thermometer.temperature_of(3))


async def rate(bench: AsciiBench, *units: int) -> float:
    """Return how many transactions per second the live ones get while ``units`` ask for them all the time."""
    answers = Counter[int]()

    async def poll(unit: int) -> None:
        while True:
            try:
                await bench.thermometer(unit).ask(Thermometer.temperature_of(1))
                answers[unit] += 1
            except LabtroupeError:
                await trio.sleep(0.1)

    with trio.move_on_after(SECONDS):
        async with trio.open_nursery() as nursery:
            for unit in units:
                nursery.start_soon(poll, unit)
    return sum(answers[unit] for unit in LIVE) / SECONDS


async def test_a_dead_device_costs_transactions_under_a_tenth_of_their_rate(
    autojump_clock: MockClock,
) -> None:
    """L10: also one that dies now."""
    with trio.fail_after(1000):
        async with ascii_bench([*LIVE, 8], AsciiLine(late=dict.fromkeys(LIVE, 0.1))) as bench:
            alone = await rate(bench, *LIVE)
            bench.line.late[8] = math.inf

            assert await rate(bench, *LIVE, 8) > 0.9 * alone


async def test_what_is_for_all_devices_is_answered_by_none(autojump_clock: MockClock) -> None:
    """L10: they have a while to act on it, before one of them is asked."""
    with trio.fail_after(100):
        async with ascii_bench([1]) as bench:
            bench.bus.tell(AsciiBus.broadcast(b"@00 CH 5"))
            number = await bench.thermometer(1).ask(Thermometer.temperature())

            assert bench.line.given[number] == (1, 5)
            assert bench.line.times[-1] - bench.line.times[-2] >= 0.1


async def test_an_absence_is_one_event_and_so_is_its_end(autojump_clock: MockClock) -> None:
    """L10: however often the device is looked for meanwhile."""
    with trio.fail_after(1000):
        async with ascii_bench([1, 2], AsciiLine(late={2: math.inf})) as bench:
            await trio.sleep(300)
            bench.line.late.clear()
            await bench.thermometer(2).wait_state(State.RUNNING)

            changes = [each for each in bench.events if isinstance(each, AttendanceChanged)]
            assert [each.text for each in changes] == [
                "unit 2 is absent: no answer within 0.5 s",
                "unit 2 answers again",
            ]
            assert failures(bench) == []


async def test_that_a_device_dies_is_said_by_its_bus_once_and_by_the_command_that_has_met_it(
    autojump_clock: MockClock,
) -> None:
    """L10: not by what that has asked of the bus as well; but R9: what nobody waits for is told."""
    with trio.fail_after(100):
        async with ascii_bench([1, 2]) as bench:
            bench.line.late[2] = math.inf
            with pytest.raises(LinkError):
                await bench.thermometer(2).ask(Thermometer.temperature())
            assert failures(bench) == ["t2"]
            bench.bus.tell(AsciiBus.send(2, b"@02 CH 3"))
            await trio.sleep(0.1)

            assert failures(bench) == ["t2", "bus"]


def failures(bench: AsciiBench) -> list[str]:
    """Return whose commands have failed."""
    return [each.instrument for each in bench.events if isinstance(each, CommandFailed)]
