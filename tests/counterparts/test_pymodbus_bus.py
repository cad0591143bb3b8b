"""A shared bus against pymodbus' server: three devices that are not ours, behind one serial port."""

from __future__ import annotations

import os
import subprocess
import sys
import tty
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from labtroupe import State, open_bench
from labtroupe.errors import LabtroupeError
from labtroupe.kinds.modbus import ModbusInstrument, ModbusRtuBus

# What each device has measured is a hundred times its address, and the register's.
SERVER = """
import sys
from pymodbus import FramerType
from pymodbus.server import StartSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

def block(values, datatype):
    return [SimData(0, values=values, datatype=datatype)]

def device(unit):
    return SimDevice(unit, (
        block([True], DataType.BITS),
        block([True], DataType.BITS),
        block([unit] * 20, DataType.REGISTERS),
        block([100 * unit + register for register in range(20)], DataType.REGISTERS),
    ))

devices = [device(unit) for unit in (1, 2, 3)]
StartSerialServer(devices, port=sys.argv[1], framer=FramerType.RTU, broadcast_enable=True)
"""

BENCH = """
[instruments.line]
kind = "labtroupe.kinds.modbus:ModbusRtuBus"
address = "serial:{port}"
answer_timeout = 0.1
probe_every = 0.5
"""
UNIT = """
[instruments.u{unit}]
kind = "labtroupe.kinds.modbus:ModbusInstrument"
bus = "line"
unit = {unit}
backoff = {{ longest = 0.5 }}
"""


@attrs.define(eq=False)
class Wires:
    """The line between us and them.

    Attributes:
        master: Our end, and the name of its port.
        slave: Their end, likewise.
        broken: The addresses of those that hear nothing.
    """

    master: tuple[int, str]
    slave: tuple[int, str]
    broken: set[int] = attrs.field(factory=set[int])

    async def carry(self) -> None:
        """Carry bytes both ways."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._carry, self.master[0], self.slave[0])
            nursery.start_soon(self._carry, self.slave[0], self.master[0])

    async def _carry(self, source: int, sink: int) -> None:
        while True:
            await trio.lowlevel.wait_readable(source)
            # A request is written in one piece.
            data = os.read(source, 4096)
            if not (source == self.master[0] and data[0] in self.broken):
                os.write(sink, data)


@pytest.fixture
def wires() -> Iterator[Wires]:
    """Lay the line, with both ends kept open: a pty that nobody has open cannot be read."""
    (ours, our_port), (theirs, their_port) = os.openpty(), os.openpty()
    for port in (our_port, their_port):
        tty.setraw(port)
    yield Wires((ours, os.ttyname(our_port)), (theirs, os.ttyname(their_port)))
    for descriptor in (ours, our_port, theirs, their_port):
        os.close(descriptor)


@pytest.fixture
def bench(wires: Wires, tmp_path: Path) -> Iterator[Path]:
    """Run the server, and describe the bench."""
    path = tmp_path / "bench.toml"
    path.write_text(
        BENCH.format(port=wires.master[1]) + "".join(UNIT.format(unit=unit) for unit in (1, 2, 3))
    )
    command = [sys.executable, "-c", SERVER, wires.slave[1]]
    with (
        (tmp_path / "pymodbus.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as server,  # noqa: S603 - our own words
    ):
        try:
            yield path
        finally:
            server.kill()


@asynccontextmanager
async def carrying(wires: Wires) -> AsyncGenerator[None]:
    """Have the wires carry in the body."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wires.carry)
        yield
        nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_each_device_answers_for_itself_and_one_that_is_cut_off_holds_up_nobody(
    wires: Wires, bench: Path
) -> None:
    """L10: and it is found again when it is back."""
    wires.broken = {3}
    right = 0

    async def poll(unit: int) -> None:
        nonlocal right
        ref = running.ref(f"u{unit}", ModbusInstrument)
        await ref.wait_state(State.RUNNING)
        for register in range(20):
            try:
                # Some leave before they are answered.
                timeout = 0.004 if register % 4 == 3 else 3.0
                values = await ref.ask(ModbusInstrument.input_registers(register), timeout=timeout)
            except LabtroupeError:
                assert register % 4 == 3
                continue
            assert values == [100 * unit + register]
            right += 1

    with trio.fail_after(50):
        async with carrying(wires), open_bench(bench) as running:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(poll, 1)
                nursery.start_soon(poll, 2)
            cut_off = running.ref("u3", ModbusInstrument)
            assert cut_off.state in {State.STARTING, State.BACKOFF}
            wires.broken.clear()
            await cut_off.wait_state(State.RUNNING)
            await cut_off.ask(ModbusInstrument.write_register(0, 77))

            assert await cut_off.ask(ModbusInstrument.holding_registers(0, 2)) == [77, 3]
            await running.ref("line", ModbusRtuBus).ask(ModbusRtuBus.write_everywhere(1, 55))
            for unit in (1, 2, 3):
                ref = running.ref(f"u{unit}", ModbusInstrument)
                assert await ref.ask(ModbusInstrument.holding_registers(1)) == [55]
    assert right >= 30
