"""A bench with a bus: simulated devices behind one port, and instruments that ask for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from labtroupe import State
from labtroupe.bench import load_bench
from labtroupe.errors import DeviceAbsent
from labtroupe.kinds.modbus import ModbusInstrument, ModbusRtuBus
from labtroupe.testing import FakeBench
from labtroupe.transport import claims

BENCH = """
[instruments.oven]
kind = "labtroupe.kinds.modbus:ModbusInstrument"
bus = "line"
unit = 1

[instruments.line]
kind = "labtroupe.kinds.modbus:ModbusRtuBus"
address = "sim:modbus-rtu-bus?units=1,2&silent=2"
answer_timeout = 0.2

[instruments.pump]
kind = "labtroupe.kinds.modbus:ModbusInstrument"
bus = "line"
unit = 2
"""


async def test_instruments_on_a_bus_are_reached_over_its_one_port(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """L10: each in the state of its own device."""
    with trio.fail_after(20):
        async with fake_bench(BENCH) as bench:
            oven = bench.ref("oven", ModbusInstrument)
            await oven.ask(ModbusInstrument.write_register(3, 77))
            assert await oven.ask(ModbusInstrument.holding_registers(2, 2)) == [0, 77]
            assert await oven.ask(ModbusInstrument.input_registers(5)) == [105]
            assert list(claims().values()) == ["line"]
            await bench.ref("pump", ModbusInstrument).wait_state(State.BACKOFF)
            assert bench.ref("line", ModbusRtuBus).state is State.RUNNING

            status = {each.name: each for each in bench.service.status().instruments}
            assert [status[name].address for name in ("oven", "pump")] == ["line, unit 1", "line, unit 2"]
            assert status["oven"].depends_on == ("line",)
            assert all(each.simulated for each in status.values())


def test_what_is_on_a_simulated_bus_is_simulated_and_on_a_real_one_it_is_not(tmp_path: Path) -> None:
    """So nobody takes the one for the other."""
    real = BENCH.replace("sim:modbus-rtu-bus?units=1,2&silent=2", "serial:/dev/ttyUSB0")
    for text, simulated in ((BENCH, True), (real, False)):
        (tmp_path / "bench.toml").write_text(text)
        config = load_bench(tmp_path / "bench.toml")

        assert {config.is_simulated(each) for each in config.instruments} == {simulated}


async def test_a_fault_of_one_simulated_device_on_a_bus_is_none_of_the_others(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """L10: it is in backoff as any device that does not answer, until it is plugged in again."""
    with trio.fail_after(20):
        async with fake_bench(BENCH.replace("&silent=2", "")) as bench:
            oven, pump = (bench.ref(name, ModbusInstrument) for name in ("oven", "pump"))
            await oven.wait_state(State.RUNNING)
            await pump.wait_state(State.RUNNING)
            assert bench.service.inject("oven", "unplug") == ("unplug",)
            with pytest.raises(DeviceAbsent, match=r"no answer within 0.2 s"):
                await oven.ask(ModbusInstrument.look())
            assert await pump.ask(ModbusInstrument.input_registers(5)) == [205]
            assert bench.service.status("oven").instruments[0].faults == ("unplug",)
            assert bench.service.inject("oven", "plug") == ()
            await oven.wait_state(State.RUNNING)
            assert await oven.ask(ModbusInstrument.input_registers(5)) == [105]


async def test_when_the_bus_is_lost_so_are_the_instruments_on_it_until_it_is_back(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """S3, L7: they start after it."""
    with trio.fail_after(30):
        async with fake_bench(BENCH) as bench:
            oven = bench.ref("oven", ModbusInstrument)
            await oven.ask(ModbusInstrument.look())
            bench.service.inject("line", "unplug", ("0.3s",))
            await oven.wait_state(State.STARTING)
            await bench.ref("line", ModbusRtuBus).wait_state(State.RUNNING)
            await oven.wait_state(State.RUNNING)

            assert await oven.ask(ModbusInstrument.input_registers(5)) == [105]
