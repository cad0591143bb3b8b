"""Modbus against pymodbus' server: a device that is not ours, with both framings."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from labtroupe import Link, Quiet
from labtroupe.errors import CommandRefused, DeviceAbsent
from labtroupe.instrument import Manners
from labtroupe.protocol import modbus
from labtroupe.transport import Address, open_transport

# Unit 7 has 20 coils, 20 inputs, and 20 of either kind of registers.
SERVER = """
import sys
from pymodbus import FramerType
from pymodbus.server import StartTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

def block(values, datatype):
    return [SimData(0, values=values, datatype=datatype)]

StartTcpServer(
    SimDevice(7, (
        block([True, False] * 10, DataType.BITS),
        block([False, True] * 10, DataType.BITS),
        block(list(range(20)), DataType.REGISTERS),
        block(list(range(100, 120)), DataType.REGISTERS),
    )),
    address=("127.0.0.1", int(sys.argv[1])),
    framer=FramerType[sys.argv[2]],
)
"""
# Not Tag, although there are numbers: this server takes one request at a time, and forgets one that
# comes with another before the other is answered.
MANNERS = {
    "SOCKET": Manners(framing=modbus.Tcp(), resync=(Quiet(0.05),)),
    "RTU": Manners(framing=modbus.Rtu(), resync=(Quiet(0.05),)),
}


@pytest.fixture(params=["SOCKET", "RTU"])
def framer(request: pytest.FixtureRequest) -> str:
    """Return the name of the framing, as pymodbus calls it."""
    return str(request.param)


@pytest.fixture
def port(framer: str, tmp_path: Path) -> Iterator[int]:
    """Run the server on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVER, str(port), framer]
    with (
        (tmp_path / "pymodbus.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as server,  # noqa: S603 - our own words
    ):
        try:
            yield port
        finally:
            server.kill()


@asynccontextmanager
async def open_link(port: int, manners: Manners) -> AsyncGenerator[Link]:
    """Open a link as soon as the server is up."""
    address = Address.parse(f"tcp://127.0.0.1:{port}")
    link = Link(str(address), lambda: open_transport(address, holder="test"), manners)
    while True:
        try:
            await link.open()
            break
        except DeviceAbsent:
            await trio.sleep(0.05)
    try:
        yield link
    finally:
        await link.aclose()


async def test_all_requests_are_understood_and_so_are_their_answers(port: int, framer: str) -> None:
    """L3: and when it says no, that is an answer."""

    async def ask(request: bytes) -> bytes:
        return await link.exchange(request, modbus.answers(request))

    with trio.fail_after(30):
        async with open_link(port, MANNERS[framer]) as link:
            modbus.raise_refusal(await ask(modbus.write_coil(7, 1, on=True)))
            modbus.raise_refusal(await ask(modbus.write_coils(7, 8, [False] * 9)))
            modbus.raise_refusal(await ask(modbus.write_register(7, 0, 65535)))
            modbus.raise_refusal(await ask(modbus.write_registers(7, 1, [5, 6])))
            coils = modbus.bits(await ask(modbus.read_coils(7, 0, 20)), 20)
            inputs = modbus.bits(await ask(modbus.read_discrete_inputs(7, 1, 3)), 3)
            holding = modbus.registers(await ask(modbus.read_holding_registers(7, 0, 5)))
            measured = modbus.registers(await ask(modbus.read_input_registers(7, 19)))
            refusal = await ask(modbus.read_input_registers(7, 19, 2))

            assert coils == [True, True] + [True, False] * 3 + [False] * 9 + [False, True, False]
            assert inputs == [True, False, True]
            assert holding == [65535, 5, 6, 3, 4]
            assert measured == [119]
            with pytest.raises(CommandRefused, match="exception 2, illegal address"):
                modbus.registers(refusal)


async def cut_off(link: Link, request: bytes, ticks: int) -> None:
    """Begin an exchange, and cancel it so many of trio's ticks later, if it is not over by then."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.exchange, request)
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()


async def test_after_an_exchange_that_was_cut_off_comes_the_right_answer(port: int, framer: str) -> None:
    """L2: cut off before, while and after it was sent."""
    with trio.fail_after(30):
        async with open_link(port, MANNERS[framer]) as link:
            await link.resync()
            for address in range(20):
                await cut_off(link, modbus.read_holding_registers(7, address), address % 10)
                answer = await link.exchange(modbus.read_input_registers(7, address))

                assert modbus.registers(answer) == [100 + address]
