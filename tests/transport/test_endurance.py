"""Many ports, many openings, and several programs at one port."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import trio

from labtroupe.errors import DeviceAbsent, PortInUse
from labtroupe.testing._usb import is_under_umockdev
from labtroupe.transport import Address, SerialAddress, Transport, _usb_bulk, claims, open_transport

from ._peers import Peer, Program, Pty, Server, descriptors
from ._usb_peers import UsbDouble, UsbtmcDouble

# ``LABTROUPE_STRESS=10`` opens and closes ten times as often.
SCALE: Final = float(os.environ.get("LABTROUPE_STRESS", "1"))

# USB needs umockdev around the whole process: see test_umockdev.py.
KINDS: Final[list[type[Peer]]] = [UsbDouble, UsbtmcDouble] if is_under_umockdev() else [Pty, Server, Program]

READ_ALL = """
import sys, trio
from labtroupe.transport import Address, open_transport

async def main():
    transport = await open_transport(Address.parse(sys.argv[1]), holder="reader")
    print("held", flush=True)
    received = b""
    while not received.endswith(b"end"):
        received += await transport.receive()
    print(received.decode(), flush=True)
    await trio.sleep_forever()

trio.run(main)
"""


@pytest.fixture
def pty() -> Iterator[Pty]:
    """A serial port with a device at its end."""
    pty = Pty()
    yield pty
    pty.unplug()


@pytest.fixture
def reader(pty: Pty) -> Iterator[subprocess.Popen[str]]:
    """Another process that reads the port with labtroupe."""
    command = [sys.executable, "-c", READ_ALL, pty.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


async def test_of_two_processes_the_first_loses_no_byte_to_the_second(
    pty: Pty, reader: subprocess.Popen[str]
) -> None:
    """L9: the second is told who holds the port, and gets it at once when that one is killed."""
    sent = ""
    for number in range(50):
        pty.send(f"{number},".encode())
        sent += f"{number},"
        with pytest.raises(PortInUse, match=rf"^{pty.path} is held by pid {reader.pid} \("):
            await open_transport(Address.parse(pty.address), holder="second")
    pty.send(b"end")
    assert reader.stdout is not None
    received = reader.stdout.readline()
    reader.kill()
    reader.wait()
    started = trio.current_time()
    transport = await open_transport(Address.parse(pty.address), holder="second")
    elapsed = trio.current_time() - started
    await transport.aclose()

    assert received == f"{sent}end\n"
    assert elapsed < 0.1


@pytest.mark.slow
@pytest.mark.timeout(300 * SCALE)
@pytest.mark.parametrize("kind", KINDS)
async def test_thousands_of_cycles_of_opening_and_failing_grow_nothing(
    kind: type[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLR-3, PLR-8."""
    # It only waits for what an old answer may need.
    monkeypatch.setattr(_usb_bulk, "_STALE", 0)
    async with kind().running() as peer:
        for _ in range(100):
            await cycle(peer)
        before = await held()
        for _ in range(int(kind.endurance * SCALE)):
            await cycle(peer)
        after = await held()

    assert after[0] == before[0]
    # trio keeps a few for the next job; one a cycle would be hundreds.
    assert after[1] <= before[1] + 8
    # Caches fill up a little; one object a cycle would be thousands.
    assert after[2] - before[2] < 200
    # In MiB, those of the C libraries too; in 10,000 openings a heap may grow by two or three.
    assert after[3] - before[3] < 4
    assert claims() == {}


async def cycle(peer: Peer) -> None:
    """Open a port, be refused it, close it, and fail to open another."""
    transport = await open_transport(Address.parse(peer.address), holder="first")
    await peer.attach()
    with pytest.raises(PortInUse):
        await open_transport(Address.parse(peer.address), holder="second")
    await transport.aclose()
    with pytest.raises(DeviceAbsent):
        await open_transport(Address.parse(peer.absent), holder="third")


async def held() -> tuple[int, int, int, float]:
    """Return how many descriptors, threads, objects and MiB this process has."""
    # The far end may be in this process too, and close its side a little later.
    await trio.sleep(0.2)
    return descriptors(), threading.active_count(), objects(), memory()


def objects() -> int:
    """Return how many objects there are."""
    gc.collect()
    return len(gc.get_objects())


def memory() -> float:
    """Return how much memory this process has, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def echo(pty: Pty) -> None:
    """Send back what comes, a little later."""
    while True:
        await trio.lowlevel.wait_readable(pty.device)
        if data := pty.receive_nowait():
            await trio.sleep(0.02)
            pty.send(data)


async def talk(transport: Transport, number: int, took: list[float]) -> None:
    """Ask a port 20 things, and note how long each took."""
    for turn in range(20):
        question = f"port {number:3} turn {turn:3}\n".encode()
        started = trio.current_time()
        await transport.send(question)
        answer = b""
        while len(answer) < len(question):
            answer += await transport.receive()
        took.append(trio.current_time() - started)

        assert answer == question


@pytest.mark.slow
async def test_200_ports_talk_at_once() -> None:
    """P5: each gets its own answers, none waits for another, and a port takes one descriptor."""
    ptys = [Pty() for _ in range(200)]
    before = descriptors()
    took: list[float] = []
    transports = [await open_transport(SerialAddress(pty.path), holder=f"port {pty.path}") for pty in ptys]
    opened = descriptors() - before
    with trio.fail_after(30):
        async with trio.open_nursery() as devices:
            for pty in ptys:
                devices.start_soon(echo, pty)
            async with trio.open_nursery() as talkers:
                for number, transport in enumerate(transports):
                    talkers.start_soon(talk, transport, number, took)
            devices.cancel_scope.cancel()
        async with trio.open_nursery() as closing:
            for transport in transports:
                closing.start_soon(transport.aclose)
    for pty in ptys:
        pty.unplug()

    assert opened == 200
    assert len(took) == 4000
    # On a machine that does something else too; alone it is 25 ms.
    assert max(took) < 0.5
    assert claims() == {}
