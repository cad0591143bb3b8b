from __future__ import annotations

import random
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe import Actor, ChangeKind, CommandError, Instrument, State, Supervisor, command
from labtroupe.bench import load_bench
from labtroupe.errors import (
    ArgumentError,
    BenchError,
    CommandCrashed,
    CommandTimeout,
    DeviceAbsent,
    Halted,
    LinkLost,
    UnknownInstrumentError,
)
from labtroupe.instrument import Bus
from labtroupe.kinds import DCPowerSupply, LinkamT95
from labtroupe.messages import Event, StateChanged
from labtroupe.sync import attach
from labtroupe.testing import Double, FakeBench, MakeDouble, doubled
from labtroupe.transport import SimAddress

BENCH = """
[instruments.heater]
kind = "linkam-t95"
address = "serial:?serial_number=A6004byf"
identity = "nobody has this one"
backoff = { first = 2.0, jitter = 0.5 }

[instruments.psu]
kind = "dc-power-supply"
address = "tcp://192.0.2.1:5025"
depends_on = ["heater"]
"""

BUS = """
[instruments.line]
kind = "modbus-rtu-bus"
address = "serial:/dev/ttyUSB9"

[instruments.oven]
kind = "modbus"
bus = "line"
unit = 3
"""


@attrs.define(eq=False)
class Pump(Instrument):
    """With a setting, which only a real one needs."""

    volume: float

    @command
    async def dose(self, millilitres: float) -> float:
        """Dose, and return how much it was."""
        raise AssertionError(millilitres)


async def test_a_double_is_called_as_the_real_one_is(
    fake_bench: FakeBench, make_double: MakeDouble, virtual_clock: MockClock
) -> None:
    """By ref, by proxy, and by the name of a command, as the command line does."""
    heater = make_double(LinkamT95)
    heater.when(LinkamT95.temperature()).reply(21.5)
    heater.expect(LinkamT95.ramp(40.0))
    async with fake_bench(BENCH, {"heater": heater}) as bench:
        ref = bench.ref("heater", LinkamT95)
        assert await ref.ask(LinkamT95.temperature()) == 21.5
        await ref.proxy.ramp(40.0)
        assert (await bench.service.call("heater", "temperature")).value == 21.5
        assert bench.service.status().instruments[0].state is State.RUNNING
        await bench.ensure_connected("heater")


async def test_a_bench_may_have_nothing_but_doubles(
    fake_bench: FakeBench, make_double: MakeDouble, virtual_clock: MockClock
) -> None:
    """So a test of what uses one instrument of a class of its own needs no file."""
    pump = make_double(Pump)
    pump.when(Pump.dose(2.5)).reply(2.4)
    async with fake_bench({"pump": pump, "heater": make_double(LinkamT95)}) as bench:
        assert await bench.ref("pump", Pump).ask(Pump.dose(2.5)) == 2.4
        shown = bench.service.describe("pump")
        assert (shown.kind, shown.status.simulated) == (f"{__name__}:Pump", True)
        assert (await bench.connect()).connected


async def test_a_fault_of_a_device_that_a_double_does_not_have_is_refused(
    fake_bench: FakeBench, make_double: MakeDouble, virtual_clock: MockClock
) -> None:
    """Or a test of what becomes of an unplugged one would be about nothing."""
    async with fake_bench({"heater": make_double(LinkamT95)}) as bench:
        with pytest.raises(ArgumentError, match="there is a double in its place"):
            bench.service.inject("heater", "unplug")


async def test_only_instruments_are_on_a_bench(fake_bench: FakeBench, make_double: MakeDouble) -> None:
    with pytest.raises(TypeError, match="stirrer is a Instrument, and the double stands for a Actor"):
        async with fake_bench({"stirrer": make_double(Actor)}):
            pytest.fail("its body has begun")


async def test_those_that_depend_on_a_double_go_down_with_it(
    fake_bench: FakeBench, make_double: MakeDouble, virtual_clock: MockClock
) -> None:
    """S3: all around it is real, and the other devices are simulated, in virtual time as well."""
    heater = make_double(LinkamT95)
    heater.starting.reply(None).raises(DeviceAbsent("unplugged"))
    with trio.fail_after(10):
        async with fake_bench(BENCH, {"heater": heater}) as bench:
            psu = bench.ref("psu", DCPowerSupply)
            assert await psu.ask(DCPowerSupply.voltage()) == pytest.approx(0.0, abs=0.1)
            watch = psu.watch()
            heater.fail(LinkLost("unplugged"))
            assert (await anext(watch)).kind is ChangeKind.DOWN


async def test_what_was_halted_in_a_test_is_halted_in_no_other(
    fake_bench: FakeBench, make_double: MakeDouble, tmp_path: Path
) -> None:
    """S10: the latches are in a directory of the test's own."""
    with trio.fail_after(10):
        async with fake_bench(BENCH, {"heater": (first := make_double(LinkamT95))}) as bench:
            halted = await bench.service.halt(["heater"], "test")
            assert (halted.reports[0].confirmed, halted.not_kept, first.making_safe.came) == (True, "", 1)
        async with fake_bench(BENCH, {"heater": make_double(LinkamT95)}) as bench:
            with pytest.raises(Halted):
                await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature())
    assert list((tmp_path / "state").rglob("*.latches.json"))


async def test_the_same_chance_makes_the_same_pauses(
    fake_bench: FakeBench, make_double: MakeDouble, labtroupe_seed: int, virtual_clock: MockClock
) -> None:
    heater = make_double(LinkamT95)
    heater.starting.raises(DeviceAbsent("off")).reply(None)
    async with fake_bench(BENCH, {"heater": heater}) as bench:
        await bench.ref("heater", LinkamT95).wait_state(State.RUNNING)
    pause = 2.0 * (1.0 - 0.5 * random.Random(labtroupe_seed).random())  # noqa: S311

    assert trio.current_time() == pytest.approx(pause, abs=0.01)


def test_it_works_without_pytest_trio(
    fake_bench: FakeBench, make_double: MakeDouble, virtual_clock: MockClock
) -> None:
    heater = make_double(LinkamT95)
    heater.when(LinkamT95.temperature()).hang()

    async def main() -> None:
        async with fake_bench(BENCH, {"heater": heater}) as bench:
            with pytest.raises(CommandTimeout):
                await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature(), timeout=60)

    trio.run(main, clock=virtual_clock)


def test_a_blocking_script_has_its_blocking_bench(fake_bench: FakeBench, make_double: MakeDouble) -> None:
    """In this thread; `attach` finds it, too."""
    heater = make_double(LinkamT95)
    heater.when(LinkamT95.temperature()).reply(21.5)
    heater.expect(LinkamT95.ramp(40.0))
    with fake_bench(BENCH, {"heater": heater}) as bench:
        assert bench["heater"].temperature() == 21.5
        attach()["heater"].ramp(40)
        heater.starting.raises(DeviceAbsent("off"))
        heater.fail(LinkLost("unplugged"))
        with pytest.raises(CommandError):
            bench["heater"].ramp(41, timeout=0.1)
        assert bench.connections("heater").missing

    assert [each.outcome for each in heater.received] == ["done", "done"]


async def test_a_test_in_trio_has_no_blocking_bench(fake_bench: FakeBench) -> None:
    with pytest.raises(RuntimeError, match="write `async with`"), fake_bench(BENCH):
        pytest.fail("its body has begun")


def test_what_a_blocking_script_raises_comes_out_of_its_bench(fake_bench: FakeBench) -> None:
    with pytest.raises(ZeroDivisionError), fake_bench(BENCH):
        raise ZeroDivisionError
    with pytest.raises(BenchError):
        attach()


async def test_a_bus_and_what_is_on_it_can_be_stood_in_for(
    fake_bench: FakeBench, make_double: MakeDouble, virtual_clock: MockClock, tmp_path: Path
) -> None:
    """A bus is abstract, and what is on it is asked by messages too."""
    (tmp_path / "bus.toml").write_text(BUS)
    config = load_bench(tmp_path / "bus.toml")
    line, oven = (make_double(each.instrument_type) for each in config.instruments)
    async with fake_bench(config, {"line": line, "oven": oven}) as bench:
        await bench.connect("oven")
        assert bench.ref("line", Bus).state is State.RUNNING  # type: ignore[type-abstract]


async def test_an_abstract_class_can_be_stood_in_for(virtual_clock: MockClock) -> None:
    double = Double(Bus)  # type: ignore[type-abstract]
    supervisor = Supervisor([double.spec("line")])
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await supervisor.wait_state("line", State.RUNNING)
        nursery.cancel_scope.cancel()


async def test_the_double_of_an_instrument_crashes_for_the_reason_in_its_script(
    virtual_clock: MockClock,
) -> None:
    """S8: it has no link that its next life could go on with, and nobody looks for one."""
    events: list[Event] = []
    heater = Double(LinkamT95)
    heater.when(LinkamT95.temperature()).crash().reply(20.0)
    supervisor = Supervisor([heater.spec("heater")], publish=events.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        ref = supervisor.ref("heater", LinkamT95)
        with pytest.raises(CommandCrashed):
            await ref.ask(LinkamT95.temperature())
        assert await ref.ask(LinkamT95.temperature()) == 20.0
        nursery.cancel_scope.cancel()
    (crash,) = [each for each in events if isinstance(each, StateChanged) and each.after is State.BACKOFF]
    assert "crashed, as its script says" in crash.reason


def test_names_and_classes_are_checked(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(BENCH)
    config = load_bench(tmp_path / "bench.toml")
    with pytest.raises(UnknownInstrumentError, match=r"no instrument 'heatr' .*did you mean 'heater'"):
        doubled(config, {"heatr": Double(LinkamT95)})
    with pytest.raises(TypeError, match="psu is a DCPowerSupply, and the double stands for a LinkamT95"):
        doubled(config, {"psu": Double(LinkamT95)})
    with pytest.raises(TypeError, match=r"in the place of psu is <class .*, and no double"):
        doubled(config, {"psu": LinkamT95})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


def test_what_has_no_double_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(BENCH)
    config = load_bench(tmp_path / "bench.toml")
    heater, psu = doubled(config, {"heater": Double(LinkamT95)}).instruments

    assert psu == config.instruments[1]
    assert (heater.policy, heater.identity) == (config.instruments[0].policy, "")
    # Nothing looks for the real device.
    assert isinstance(heater.address, SimAddress)
