"""L10: several devices on one bus, and what each of them costs the others."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import pytest
import trio
from trio.testing import MockClock

from labtroupe import State
from labtroupe.errors import CommandTimeout, DeviceAbsent, LabtroupeError, NoAnswer, NotRunning, Outcome
from labtroupe.kinds.modbus import ModbusRtuBus
from labtroupe.protocol import modbus

from ._multidrop import LATENCY, Bench, Multidrop, Sensor, multidrop

LIVE = [1, 2, 3, 4, 5, 6, 7]
SECONDS = 30


async def poll(bench: Bench, unit: int, answers: Counter[int]) -> None:
    """Ask for values without a pause, or with a short one where there is no answer."""
    while True:
        try:
            await bench.sensor(unit).ask(Sensor.value())
            answers[unit] += 1
        except LabtroupeError:
            await trio.sleep(0.1)


async def rate(bench: Bench, *units: int) -> float:
    """Return how many values per second the live ones give while ``units`` are asked all the time."""
    answers = Counter[int]()
    with trio.move_on_after(SECONDS):
        async with trio.open_nursery() as nursery:
            for unit in units:
                nursery.start_soon(poll, bench, unit, answers)
    return sum(answers[unit] for unit in LIVE) / SECONDS


async def test_dead_devices_cost_their_neighbours_under_a_tenth_of_their_rate(
    autojump_clock: MockClock,
) -> None:
    """L10: one or four, they have been dead from the beginning, or die now."""
    with trio.fail_after(1000):
        async with multidrop(LIVE) as bench:
            alone = await rate(bench, *LIVE)
        for dead in ([8], [8, 9, 10, 11]):
            line = Multidrop(late=dict.fromkeys(dead, math.inf))
            async with multidrop([*LIVE, *dead], line) as bench:
                assert await rate(bench, *LIVE, *dead) > 0.9 * alone
        async with multidrop([*LIVE, 8]) as bench:
            bench.line.late[8] = math.inf

            assert await rate(bench, *LIVE, 8) > 0.9 * alone


async def test_a_dead_address_costs_one_probe_per_interval_however_often_it_is_asked(
    autojump_clock: MockClock,
) -> None:
    """L10."""
    line = Multidrop(late={8: math.inf})
    with trio.fail_after(1000):
        async with multidrop([], line) as bench:
            with trio.move_on_after(99):
                while True:
                    with pytest.raises(NoAnswer):
                        await bench.bus.ask(ModbusRtuBus.look_for(8))
                    await trio.sleep(0.05)

    assert line.asked[8] == 10


async def test_of_a_dead_address_nothing_is_asked_and_that_is_said_at_once(autojump_clock: MockClock) -> None:
    """L10, R3: it says when it is asked again, and then it is."""
    message = ModbusRtuBus.exchange(8, modbus.read_input_registers(8, 0))
    line = Multidrop(late={8: math.inf})
    with trio.fail_after(100):
        async with multidrop([], line) as bench:
            with pytest.raises(NoAnswer, match=r"bus: unit 8: no answer within 0.5 s") as asked:
                await bench.bus.ask(message)
            line.late.clear()
            await trio.sleep(4)
            before = trio.current_time()
            with pytest.raises(
                NoAnswer, match=r"no answer within 0.5 s; it is asked again in 6.0 s"
            ) as refused:
                await bench.bus.ask(message)

            assert (trio.current_time(), line.asked[8]) == (before, 1)
            assert (asked.value.outcome, refused.value.outcome) == (Outcome.UNKNOWN, Outcome.NOT_SENT)
            await trio.sleep(6)
            assert await bench.bus.ask(message)


async def test_where_nobody_is_held_up_dead_devices_do_not_wait_for_one_another(
    autojump_clock: MockClock,
) -> None:
    """L10: as when they are switched on one by one after the bench was started."""
    line = Multidrop(late=dict.fromkeys(LIVE, math.inf))
    with trio.fail_after(1000):
        async with multidrop(LIVE, line):
            await trio.sleep(100)
            before = line.asked.total()
            await trio.sleep(100)

            # The pauses of an instrument are 4 s at most.
            assert line.asked.total() - before >= len(LIVE) * 100 // (10 + 4)


async def test_an_instrument_whose_device_is_dead_backs_off_and_returns_with_it(
    autojump_clock: MockClock,
) -> None:
    """L10: that is no restart, however long it lasts."""
    line = Multidrop(late={2: math.inf})
    with trio.fail_after(2000):
        async with multidrop([1, 2], line) as bench:
            await trio.sleep(1000)
            # The beginning of a pause, so that none ends within the deadline.
            await bench.sensor(2).wait_state(State.STARTING)
            await bench.sensor(2).wait_state(State.BACKOFF)
            with pytest.raises(NotRunning, match="unit 2: no answer") as caught:
                await bench.sensor(2).ask(Sensor.value(), timeout=0.1)
            assert caught.value.outcome is Outcome.NOT_SENT
            line.late.clear()
            await bench.sensor(2).wait_state(State.RUNNING)

            assert await bench.sensor(2).ask(Sensor.value())
            assert await bench.sensor(1).ask(Sensor.value())


async def test_a_device_that_dies_under_a_command_leaves_it_unknown_and_the_bus_up(
    autojump_clock: MockClock,
) -> None:
    """R3, R12: the bus and the neighbours do not notice."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            bench.line.late[2] = math.inf
            with pytest.raises(DeviceAbsent, match=r"u2: .*no answer within 0.5 s") as caught:
                await bench.sensor(2).ask(Sensor.write_register(0, 1))

            assert caught.value.outcome is Outcome.UNKNOWN
            assert bench.bus.state is State.RUNNING
            assert await bench.sensor(1).ask(Sensor.value())


async def test_after_one_lost_answer_a_device_is_soon_asked_again(autojump_clock: MockClock) -> None:
    """L10: it happens on long lines, and is not yet a death."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            bench.line.late[2] = math.inf
            with pytest.raises(DeviceAbsent):
                await bench.sensor(2).ask(Sensor.value())
            bench.line.late.clear()
            await trio.sleep(2)

            assert await bench.sensor(2).ask(Sensor.value(), timeout=0.1)


async def test_a_damaged_answer_is_no_answer_and_holds_up_nobody(autojump_clock: MockClock) -> None:
    """L3: nor is the device taken to be dead; it is asked again when no answer can come any more."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            bench.line.garbled.add(2)
            began = trio.current_time()
            with pytest.raises(DeviceAbsent, match="checksum is wrong"):
                await bench.sensor(2).ask(Sensor.value())
            assert await bench.sensor(1).ask(Sensor.value())

            assert trio.current_time() - began < 0.2
            with pytest.raises(NoAnswer, match="checksum is wrong") as caught:
                await bench.bus.ask(ModbusRtuBus.look_for(2))
            assert caught.value.outcome is Outcome.NOT_SENT
            await trio.sleep(2)
            assert await bench.sensor(2).ask(Sensor.value())


async def test_a_caller_who_leaves_does_not_cut_off_what_is_on_the_bus(autojump_clock: MockClock) -> None:
    """R4: so its answer is never taken for another one, and the device is not thought to be dead."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            for _ in range(20):
                with pytest.raises(CommandTimeout) as caught:
                    await bench.sensor(2).ask(Sensor.value(1), timeout=LATENCY / 2)
                assert caught.value.outcome is Outcome.UNKNOWN
                number = await bench.sensor(2).ask(Sensor.value(2))

                assert bench.line.given[number] == (2, 2)


async def test_a_request_that_is_withdrawn_in_the_mailbox_of_the_bus_is_not_sent(
    autojump_clock: MockClock,
) -> None:
    """R2, R3: the deadline travels with it, and so does the outcome."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            bench.line.late[1] = 0.4
            first = bench.sensor(1).send(Sensor.value())
            await trio.sleep(0.1)
            asked = bench.line.asked[2]
            with pytest.raises(CommandTimeout) as caught:
                await bench.sensor(2).ask(Sensor.value(), timeout=0.1)
            await first

            assert caught.value.outcome is Outcome.NOT_SENT
            assert bench.line.asked[2] == asked


async def test_who_asks_for_much_at_once_gets_no_more_turns_than_the_others(
    autojump_clock: MockClock,
) -> None:
    """L10: each waits for one exchange of each other instrument, and no more."""
    answers = Counter[int]()
    with trio.fail_after(100):
        async with multidrop([1, 2, 3]) as bench, trio.open_nursery() as nursery:
            greedy = bench.sensor(1).send(Sensor.many(100))
            nursery.start_soon(poll, bench, 2, answers)
            nursery.start_soon(poll, bench, 3, answers)
            await greedy
            nursery.cancel_scope.cancel()

    assert answers[2] >= 99
    assert answers[3] >= 99


async def test_to_halt_one_instrument_halts_neither_the_bus_nor_its_neighbours(
    autojump_clock: MockClock,
) -> None:
    """S10: also in the middle of an exchange."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            with trio.move_on_after(LATENCY / 2):
                await bench.sensor(2).ask(Sensor.value())
            (report,) = await bench.supervisor.halt(["u2"], "it smells")

            assert report.confirmed
            assert await bench.sensor(1).ask(Sensor.value())
            assert bench.bus.state is State.RUNNING


async def test_to_halt_all_lets_the_bus_serve_the_safe_states(autojump_clock: MockClock) -> None:
    """S9: although it is halted itself, in the middle of an exchange, with others waiting."""
    with trio.fail_after(100):
        async with multidrop([1, 2, 3]) as bench:
            waiting = [bench.sensor(unit).send(Sensor.value()) for unit in (1, 2, 3)]
            await trio.sleep(LATENCY / 2)
            reports = await bench.supervisor.halt(None, "it smells")

            assert {each.instrument for each in reports if each.confirmed} == {"u1", "u2", "u3"}
            assert {bench.line.given[number] for number in Sensor.when_safe[-3:]} == {
                (1, 99),
                (2, 99),
                (3, 99),
            }
            assert all(reply.outcome is not Outcome.DONE for reply in waiting)


async def test_a_safe_state_is_tried_although_the_device_is_taken_to_be_dead(
    autojump_clock: MockClock,
) -> None:
    """S9: but not before a late answer can no more be mistaken for that to the safe state."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            nobody = bench.bus.send(ModbusRtuBus.exchange(2, modbus.read_input_registers(2, 5)))
            bench.line.late[2] = 0.7
            with pytest.raises(NoAnswer):
                await nobody
            bench.line.late[2] = 0.4
            (report,) = await bench.supervisor.halt(["u2"], "it smells")

            assert report.confirmed
            assert bench.line.given[Sensor.when_safe[-1]] == (2, 99)


async def test_a_late_answer_of_one_device_disturbs_no_other(autojump_clock: MockClock) -> None:
    """L2: it comes while another one is asked."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            bench.line.late = {1: 0.2, 2: 0.6}
            with pytest.raises(DeviceAbsent):
                await bench.sensor(2).ask(Sensor.value())
            number = await bench.sensor(1).ask(Sensor.value(7))

            assert bench.line.given[number] == (1, 7)


async def test_what_a_former_life_of_the_bus_has_asked_is_answered_to_nobody(
    autojump_clock: MockClock,
) -> None:
    """P12."""
    with trio.fail_after(100):
        async with multidrop([1, 2]) as bench:
            bench.line.late[2] = 0.6
            bench.bus.tell(ModbusRtuBus.exchange(2, modbus.read_input_registers(2, 5)))
            await trio.sleep(0.1)
            bench.supervisor.restart("bus")
            bench.line.late[2] = 0.48
            message = ModbusRtuBus.exchange(2, modbus.read_input_registers(2, 6))
            await bench.bus.wait_state(State.STARTING)
            number = modbus.registers(await bench.bus.ask(message))[0]

            assert bench.line.given[number] == (2, 6)


@pytest.mark.parametrize("seed", range(5))
async def test_nobody_ever_gets_the_answer_to_another_question(autojump_clock: MockClock, seed: int) -> None:
    """L2, L10: whoever is late, damaged, or given up meanwhile, on the line and by its callers."""
    chance = Random(seed)  # noqa: S311 - repeatable
    wrong: list[tuple[int, int, int]] = []
    right = 0

    async def ask(unit: int) -> None:
        nonlocal right
        for register in range(100):
            bench.line.late[unit] = chance.choice([LATENCY] * 12 + [0.3, 0.55, 0.9, math.inf])
            if chance.random() < 0.05:
                bench.line.garbled.add(unit)
            try:
                timeout = chance.choice([0.01, 0.1, 1.0, 5.0])
                number = await bench.sensor(unit).ask(Sensor.value(register), timeout=timeout)
            except LabtroupeError:
                await trio.sleep(chance.random() * 3)
                continue
            right += 1
            if bench.line.given[number] != (unit, register):
                wrong.append((unit, register, number))

    with trio.fail_after(10000):
        async with multidrop([1, 2, 3, 4]) as bench, trio.open_nursery() as nursery:
            for unit in (1, 2, 3, 4):
                nursery.start_soon(ask, unit)

    assert wrong == []
    assert right > 50
