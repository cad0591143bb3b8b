"""A network cable that is pulled, between two network namespaces."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

IP = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin") or "ip"
NEAR, FAR = (f"labtroupe-{os.getpid()}-{end}" for end in ("near", "far"))

SERVE = """
import socket
listeners = [socket.create_server(("10.0.0.2", port)) for port in (5025, 5026)]
print("listening", flush=True)
connections = [listener.accept()[0] for listener in listeners]
print("accepted", flush=True)
input()
"""

CONNECT = """
import trio
from labtroupe.errors import LinkLost
from labtroupe.transport import Address, open_transport

async def lose(name, transport, start):
    try:
        await transport.receive()
    except LinkLost:
        print(name, round(trio.current_time() - start, 2), flush=True)
    await transport.aclose()

async def main():
    idle = await open_transport(Address.parse("tcp://10.0.0.2:5025"), holder="idle")
    busy = await open_transport(Address.parse("tcp://10.0.0.2:5026"), holder="busy")
    print("open", flush=True)
    await trio.to_thread.run_sync(input)
    start = trio.current_time()
    await busy.send(b"MEAS?")
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lose, "idle", idle, start)
            nursery.start_soon(lose, "busy", busy, start)

trio.run(main)
"""


def ip(words: str) -> None:
    """Run ip."""
    subprocess.run([IP, *words.split()], check=True, capture_output=True)  # noqa: S603 - ours


@pytest.fixture
def network() -> Iterator[None]:
    """Two machines with a cable between them."""
    try:
        ip(f"netns add {NEAR}")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user or machine may not have network namespaces")
    try:
        ip(f"netns add {FAR}")
        ip(f"-n {NEAR} link add cable0 type veth peer name cable1 netns {FAR}")
        for place, number in ((NEAR, 0), (FAR, 1)):
            ip(f"-n {place} address add 10.0.0.{number + 1}/24 dev cable{number}")
            ip(f"-n {place} link set cable{number} up")
        yield
    finally:
        ip(f"netns delete {NEAR}")
        ip(f"netns delete {FAR}")


def start(place: str, script: str) -> subprocess.Popen[str]:
    """Run a script on one of the machines."""
    command = [IP, "netns", "exec", place, sys.executable, "-c", script]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours


@pytest.mark.slow
@pytest.mark.parametrize(
    "pull",
    [
        pytest.param(f"-n {NEAR} link set cable0 down", id="at this end"),
        pytest.param(f"-n {FAR} link set cable1 down", id="at the other end"),
        pytest.param(f"-n {FAR} route add blackhole 10.0.0.1/32", id="behind a switch"),
    ],
)
def test_a_pulled_cable_is_noticed_within_the_configured_time(network: None, pull: str) -> None:
    """L7: both while nothing is said and while an answer is waited for."""
    with start(FAR, SERVE) as server, start(NEAR, CONNECT) as client:
        try:
            assert server.stdout is not None
            assert client.stdout is not None
            assert client.stdin is not None
            assert server.stdout.readline() == "listening\n"
            assert client.stdout.readline() == "open\n"
            assert server.stdout.readline() == "accepted\n"
            ip(pull)
            words, _ = client.communicate("\n", timeout=30)
        finally:
            server.kill()
            client.kill()

    lost = dict(line.split() for line in words.splitlines())
    assert set(lost) == {"idle", "busy"}
    # Six seconds are configured; the kernel's timers are a little late.
    assert all(float(seconds) < 7.5 for seconds in lost.values()), lost
