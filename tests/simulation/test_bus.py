"""Faults of one device on a simulated bus, seen by a client of its port."""

from __future__ import annotations

import os
import tty
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from labtroupe.errors import ArgumentError, CommandError
from labtroupe.protocol import modbus
from labtroupe.simulation import ModbusBus, Multimeter, Rack

PATIENCE = 5.0
# Long enough for an answer that is not to come; a device here answers in 4 ms.
SILENCE = 0.1


@attrs.define(eq=False)
class Master:
    """Whoever opened the port of the line."""

    fd: int

    async def ask(self, request: bytes) -> bytes:
        """Return what comes after a request within a while."""
        os.write(self.fd, modbus.Rtu().encode(request))
        came = b""
        with trio.move_on_after(SILENCE):
            while len(came) < 7:
                await trio.lowlevel.wait_readable(self.fd)
                came += os.read(self.fd, 4096)
        return came

    async def value(self, unit: int) -> int | None:
        """Return what a device has measured; ``None`` if it does not say so."""
        answer = await self.ask(modbus.read_input_registers(unit, 0))
        return int.from_bytes(answer[3:5], "big") if answer[:1] == bytes([unit]) else None


@attrs.define(eq=False)
class ForgetfulBus(ModbusBus):
    """A line whose devices forget what was written, each for itself."""

    def switch_on(self, unit: int) -> None:
        """Forget it."""
        self._holding[unit] = [0] * 16


@asynccontextmanager
async def line(directory: Path) -> AsyncGenerator[tuple[Rack, Master]]:
    """Run a line with three devices, of which two are known by name."""
    crashes: list[tuple[str, Exception]] = []

    def on_crash(name: str, error: Exception) -> None:
        crashes.append((name, error))

    with trio.fail_after(PATIENCE):
        async with Rack(directory, on_crash=on_crash).running() as rack:
            port = rack.add("line", ForgetfulBus()).removeprefix("serial:")
            rack.add_unit("oven", "line", 1)
            rack.add_unit("pump", "line", 2)
            fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                tty.setraw(fd)
                yield rack, Master(fd)
            finally:
                os.close(fd)
    assert crashes == []


@pytest.mark.parametrize("fault", ["mute", "unplug", "noise", "power-cycle"])
async def test_a_fault_of_one_device_is_none_of_its_neighbours(tmp_path: Path, fault: str) -> None:
    """Until it ends."""
    async with line(tmp_path) as (rack, master):
        rack.inject("oven", fault)

        assert await master.value(1) is None
        assert await master.value(2) == 200
        assert [each.name for each in rack.faults("oven")] == [fault]
        assert (rack.faults("pump"), rack.faults("line")) == ((), ())
        rack.inject("oven", "clear")
        assert await master.value(1) == 100


async def test_a_device_that_is_late_holds_up_no_other(tmp_path: Path) -> None:
    """L10: devices on a bus do not wait for one another."""
    async with line(tmp_path) as (rack, master):
        rack.inject("oven", "late", "150ms")

        assert await master.value(1) is None
        assert await master.value(2) == 200


async def test_one_that_is_mute_acts_and_one_that_is_unplugged_does_not(tmp_path: Path) -> None:
    """Nor does it when all are told."""
    everybody = modbus.write_register(modbus.ALL_UNITS, 0, 7)
    async with line(tmp_path) as (rack, master):
        rack.inject("oven", "mute")
        rack.inject("pump", "unplug")
        assert await master.ask(everybody) == b""
        rack.inject("oven", "clear")
        rack.inject("pump", "plug")

        values = [await master.ask(modbus.read_holding_registers(unit, 0)) for unit in (1, 2, 3)]
        assert [each[4] for each in values] == [7, 0, 7]


async def test_a_power_cycle_of_one_device_makes_it_alone_forget(tmp_path: Path) -> None:
    """L11."""
    async with line(tmp_path) as (rack, master):
        await master.ask(modbus.write_register(modbus.ALL_UNITS, 0, 7))
        rack.inject("oven", "power-cycle", "10ms")
        await trio.sleep(0.05)

        values = [await master.ask(modbus.read_holding_registers(unit, 0)) for unit in (1, 2)]
        assert [each[4] for each in values] == [0, 7]


async def test_a_fault_of_one_device_ends_in_time(tmp_path: Path) -> None:
    async with line(tmp_path) as (rack, master):
        rack.inject("oven", "unplug", "200ms")
        assert await master.value(1) is None
        await trio.sleep(0.2)

        assert await master.value(1) == 100


async def test_a_fault_of_the_bus_is_one_of_all_on_it(tmp_path: Path) -> None:
    async with line(tmp_path) as (rack, master):
        rack.inject("line", "mute")

        assert [await master.value(unit) for unit in (1, 2)] == [None, None]


async def test_what_one_device_cannot_have_is_refused(tmp_path: Path) -> None:
    """With the reason."""
    async with line(tmp_path) as (rack, _):
        rack.add_unit("valve", "line", 9)
        rack.add("meter", Multimeter())
        rack.add_unit("probe", "meter", 1)

        with pytest.raises(ArgumentError, match="flood"):
            rack.inject("oven", "flood")
        with pytest.raises(CommandError, match="no device 9 is simulated") as caught:
            rack.inject("valve", "mute")
        assert caught.value.remedy == "Those that are: 1, 2, 3."
        with pytest.raises(CommandError, match="cannot tell the devices on it apart"):
            rack.inject("probe", "mute")
