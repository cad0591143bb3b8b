"""The Linkam driver against lewis' linkam_t95 over TCP: a simulator that is not ours."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest
import trio

from labtroupe import ActorRef, State, open_bench
from labtroupe.kinds import LinkamT95, Mode
from labtroupe.messages import StateChanged


@attrs.frozen
class Lewis:
    """A running lewis, and the ports of its device and of its backdoor."""

    device: int
    control: int

    async def tell(self, *words: str) -> None:
        """Say something through the backdoor, as in ``lewis-control interface disconnect``."""
        program = [sys.executable, "-c", "from lewis.scripts.control import control_simulation as c; c()"]
        await trio.run_process([*program, "-r", f"127.0.0.1:{self.control}", *words], capture_stdout=True)


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def lewis(tmp_path: Path) -> Iterator[Lewis]:
    """Run lewis' linkam_t95 on ports of its own."""
    ports = Lewis(*free_ports(2))
    command = [
        *(sys.executable, "-c", "from lewis.scripts.run import run_simulation as run; run()"),
        *("linkam_t95", "-r", f"127.0.0.1:{ports.control}"),
        *("-p", f"stream: {{bind_address: 127.0.0.1, port: {ports.device}}}"),
    ]
    with (
        (tmp_path / "lewis.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as lewis,  # noqa: S603 - our own words
    ):
        try:
            yield ports
        finally:
            lewis.kill()


def write_bench(tmp_path: Path, lewis: Lewis) -> Path:
    """Write a bench with lewis' stage on it, and a simulated one of ours."""
    path = tmp_path / "bench.toml"
    path.write_text(
        f"""
        [instruments.heater]
        kind = "linkam-t95"
        address = "tcp://127.0.0.1:{lewis.device}"

        [instruments.other]
        kind = "linkam-t95"
        address = "sim:linkam-t95"
        """
    )
    return path


async def wait_state(ref: ActorRef[LinkamT95], state: State) -> None:
    """Wait for a state, in real time."""
    while ref.state is not state:  # noqa: ASYNC110 - a real device, in real time
        await trio.sleep(0.01)


async def test_it_reads_and_ramps(tmp_path: Path, lewis: Lewis) -> None:
    """From bench.toml over a real socket to somebody else's device; it is waited for until it is up."""
    with trio.fail_after(30):
        async with open_bench(write_bench(tmp_path, lewis)) as bench:
            heater = bench.ref("heater", LinkamT95)
            status = await heater.ask(LinkamT95.status(), timeout=15)
            assert (status.mode, status.temperature, status.errors) == (Mode.STOPPED, 24.0, 0)
            await heater.ask(LinkamT95.ramp(100.0, 150.0))
            await trio.sleep(1.0)
            status = await heater.ask(LinkamT95.status())
            assert status.mode is Mode.HEATING
            assert 24.5 < status.temperature < 40
            await heater.ask(LinkamT95.stop())
            await trio.sleep(0.3)
            assert (await heater.ask(LinkamT95.status())).mode is Mode.STOPPED
            await lewis.tell("device", "temperature", "-51.5")
            assert await heater.ask(LinkamT95.temperature()) == -51.5


async def test_its_cable_is_pulled_and_put_back(tmp_path: Path, lewis: Lewis) -> None:
    """S7, L7: backoff with the reason, the neighbour keeps answering, and it comes back by itself."""
    with trio.fail_after(30):
        async with open_bench(write_bench(tmp_path, lewis)) as bench:
            heater, other = bench.ref("heater", LinkamT95), bench.ref("other", LinkamT95)
            assert await heater.ask(LinkamT95.temperature(), timeout=15) == 24.0
            await lewis.tell("interface", "disconnect")
            await wait_state(heater, State.BACKOFF)
            (status,) = bench.service.status("heater").instruments
            assert f"127.0.0.1:{lewis.device}" in status.note
            assert status.retry_in is not None
            for _ in range(10):
                await other.ask(LinkamT95.temperature())
            await lewis.tell("device", "temperature", "77.7")
            await lewis.tell("interface", "connect")
            assert await heater.ask(LinkamT95.temperature(), timeout=15) == 77.7
            assert [type(e) for e in bench.service.feed._ring if e.instrument == "other"] == [
                StateChanged,
                StateChanged,
            ]
