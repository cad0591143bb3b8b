"""Whole benches that are simulated: what stands in for what, and what is never touched."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio

from labtroupe import Instrument, State, open_bench
from labtroupe.bench import BenchConfigError, load_bench, simulated
from labtroupe.bench._latches import latch_path
from labtroupe.errors import BenchError
from labtroupe.kinds import DCPowerSupply, LinkamT95, ScpiInstrument
from labtroupe.kinds.modbus import ModbusInstrument

REAL = """
[bench]
name = "hood"

[instruments.heater]
kind = "linkam-t95"
address = "serial:?serial_number=A6004byf&baudrate=19200"
identity = "LINKAM*"
start_timeout = 7.0

[instruments.psu]
kind = "dc-power-supply"
address = "tcp://192.0.2.1:5025"
max_voltage = 12.0
depends_on = ["heater"]
mailbox = 3

[instruments.scope]
kind = "scpi"
address = "usb://1ab1:0e11/DS1ZA1"
identity = "RIGOL*"

[instruments.stage]
kind = "scpi"
address = "process:stage-server --axis 1"

[instruments.line]
kind = "modbus-rtu-bus"
address = "serial:/dev/ttyUSB7"

[instruments.oven]
kind = "modbus"
bus = "line"
unit = 17

[instruments.alone]
kind = "modbus"
address = "serial:/dev/ttyUSB8"
unit = 3

[groups.power]
strategy = "rest_for_one"
members = ["heater", "psu"]
"""

HOMEMADE = f'[instruments.{{name}}]\nkind = "{__name__}:{{kind}}"\naddress = "serial:/dev/{{name}}"\n'

_touched: list[str] = []
_listening = False


@attrs.define(eq=False)
class Homemade(Instrument):
    """A device of which nobody has made a simulation."""


@attrs.define(eq=False)
class Simulatable(Homemade):
    """A device of which somebody has."""

    simulation = f"sim:{__name__}:Nowhere"


def _note(event: str, args: tuple[object, ...]) -> None:
    if not _listening:
        return
    path = str(args[0]) if args else ""
    if event == "open" and path.startswith(("/dev/tty", "/dev/bus", "/dev/serial")):
        _touched.append(path)
    elif event == "socket.connect" and "192.0.2.1" in str(args[1]):
        _touched.append(str(args[1]))
    elif event in {"subprocess.Popen", "os.posix_spawn"} or (event == "import" and path.startswith("usb")):
        _touched.append(f"{event} {path}")


@functools.cache
def _listen() -> None:
    sys.addaudithook(_note)


@pytest.fixture
def touched() -> Iterator[list[str]]:
    """What is opened of real devices, as Python's audit events tell."""
    global _listening  # noqa: PLW0603 - an audit hook stays for as long as the process
    _listen()
    _touched.clear()
    _listening = True
    yield _touched
    _listening = False


def write(tmp_path: Path, text: str = REAL) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return path


async def test_a_whole_bench_runs_without_its_devices(tmp_path: Path, touched: list[str]) -> None:
    """OA-16: whatever kind of port they have; none of these is opened."""
    with trio.fail_after(20):
        async with open_bench(write(tmp_path), simulate=True) as bench:
            assert await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature()) == pytest.approx(
                24, abs=1
            )
            await bench.ref("psu", DCPowerSupply).ask(DCPowerSupply.set_voltage(5.0))
            await bench.ref("scope", ScpiInstrument).ask(ScpiInstrument.identity())
            await bench.ref("stage", ScpiInstrument).ask(ScpiInstrument.identity())
            oven, alone = bench.ref("oven", ModbusInstrument), bench.ref("alone", ModbusInstrument)
            assert await oven.ask(ModbusInstrument.input_registers(5)) == [1705]
            assert await alone.ask(ModbusInstrument.input_registers(5)) == [305]
            assert all(each.simulated for each in bench.service.status().instruments)
    assert touched == []


def test_all_but_the_devices_is_as_it_is_written(tmp_path: Path) -> None:
    """OA-16: time limits and settings are kept; nobody else's identity is asked of a simulated device."""
    config = load_bench(write(tmp_path))
    found = simulated(config)

    assert (found.name, found.path, found.groups) == ("hood.sim", config.path, config.groups)
    assert [each.place for each in found.instruments] == [
        "sim:linkam-t95",
        "sim:dc-power-supply",
        "sim:scpi",
        "sim:scpi",
        "sim:modbus-rtu-bus?units=17",
        "line, unit 17",
        "sim:modbus-rtu-bus?units=3",
    ]
    assert {each.identity for each in found.instruments} == {""}
    for before, after in zip(config.instruments, found.instruments, strict=True):
        assert attrs.evolve(after, address=before.address, identity=before.identity) == before


def test_to_simulate_it_twice_is_to_simulate_it(tmp_path: Path) -> None:
    found = simulated(load_bench(write(tmp_path)))

    assert simulated(found) == found


def test_what_has_a_simulated_device_already_keeps_it(tmp_path: Path) -> None:
    text = '[instruments.a]\nkind = "scpi"\naddress = "sim:scpi?volts=3"\nidentity = "labtroupe*"\n'
    config = load_bench(write(tmp_path, text))

    assert simulated(config).instruments == config.instruments


def test_a_bench_may_say_what_stands_in_for_a_device(tmp_path: Path) -> None:
    text = '[instruments.a]\nkind = "scpi"\naddress = "tcp://192.0.2.1:1"\nsimulation = "sim:scpi?volts=3"\n'

    assert simulated(load_bench(write(tmp_path, text))).instruments[0].place == "sim:scpi?volts=3"


def test_all_that_cannot_be_simulated_is_named_at_once(tmp_path: Path) -> None:
    """OA-16: with what to write, where."""
    text = REAL + HOMEMADE.format(name="a", kind="Homemade") + HOMEMADE.format(name="b", kind="Simulatable")
    config = load_bench(write(tmp_path, text))
    with pytest.raises(BenchConfigError) as caught:
        simulated(config)

    none, broken = caught.value.mistakes
    line = text.splitlines().index("[instruments.a]") + 1
    assert (none.line, none.key) == (line, "instruments.a")
    assert 'simulation = "sim:package.module:Class"' in none.text
    assert (broken.line, broken.key) == (line + 3, "instruments.b")
    assert broken.text.startswith(f"cannot import {__name__}:Nowhere")


async def test_a_silent_device_is_there_and_never_answers(tmp_path: Path) -> None:
    """OA-16: so that one of which nobody has made a simulation holds up no other."""
    text = '[instruments.a]\nkind = "scpi"\naddress = "tcp://192.0.2.1:1"\nsimulation = "sim:silent"\n'
    with trio.fail_after(20):
        async with open_bench(write(tmp_path, text), simulate=True) as bench:
            status = bench.service.status("a").instruments[0]
            assert (status.simulated, status.state) == (True, State.STARTING)


async def test_what_is_halted_in_one_is_not_halted_in_the_other(tmp_path: Path) -> None:
    """S10, OA-16: a latch of the real bench that nobody can read is no hindrance to its simulation."""
    text = '[bench]\nname = "hood"\n[instruments.a]\nkind = "scpi"\naddress = "sim:scpi"\n'
    path = write(tmp_path, text)
    latch_path("hood").parent.mkdir(parents=True)
    latch_path("hood").write_text("damaged")
    with trio.fail_after(20):
        async with open_bench(path, simulate=True) as bench:
            await bench.service.halt("a", reason="smoke")
        assert "smoke" in latch_path("hood.sim").read_text()
        with pytest.raises(BenchError, match="says what is halted"):
            async with open_bench(path):
                pytest.fail("its body has begun")
    assert latch_path("hood").read_text() == "damaged"
