"""sinstruments' CryoCon over TCP and over a pty: it says NACK, and lets no two requests come within 0.1 s."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import attrs
import pytest
import trio

from labtroupe import ActorRef, Barrier, ChildSpec, Instrument, State, Supervisor, command
from labtroupe.errors import CommandRefused, CommandTimeout
from labtroupe.transport import Address, open_transport

CHANNELS: Final = "ABCD"


def is_identity(answer: bytes) -> bool:
    """Return whether an answer is one to ``*IDN?``."""
    return answer.startswith(b"Cryo-con,")


@attrs.define(eq=False)
class CryoCon(Instrument):
    """A temperature controller that answers what it does not understand, and nothing else, with NACK."""

    resync = (Barrier(b"*IDN?", is_identity, lateness=0.5),)

    @command(timeout=5.0, idempotent=True)
    async def name(self, channel: str) -> str:
        """Name of a channel."""
        return await self.ask_or_refuse(f"INPut? {channel}:NAMe")

    @command(timeout=5.0)
    async def rename(self, channel: str, name: str) -> None:
        """Name a channel, and see that it has its name."""
        async with self.link.transaction():
            await self.link.write(f"INPut {channel}:NAMe {name}")
            if await self.ask_or_refuse(f"INPut? {channel}:NAMe") != name:
                raise CommandRefused("it has another name")

    @command(timeout=5.0)
    async def query(self, request: str) -> str:
        """Ask anything."""
        return await self.ask_or_refuse(request)

    async def ask_or_refuse(self, request: str) -> str:
        """Return an answer.

        Raises:
            CommandRefused: It is NACK.
        """
        answer = await self.link.query(request, lambda answer: not is_identity(answer))
        if answer == "NACK":
            raise CommandRefused(f"it does not understand {request!r}")
        return answer


@attrs.define(eq=False)
class SpacedCryoCon(CryoCon):
    """The same, left in peace for as long as it wants."""

    spacing = 0.1


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run the simulator, and return where it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    transports = [
        {"type": "tcp", "url": ["127.0.0.1", port]},
        {"type": "serial", "url": str(tmp_path / "port"), "baudrate": 9600},
    ]
    device = {
        "class": "CryoCon",
        "package": "cryocon.simulator",
        "name": "cryo",
        "transports": transports,
        "channels": {channel: {"name": f"channel {channel}"} for channel in CHANNELS},
    }
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"devices": [device]}))
    command = [sys.executable, "-m", "sinstruments.simulator", "-c", str(config)]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as simulator,  # noqa: S603 - our own words
    ):
        try:
            yield {"tcp": f"tcp://127.0.0.1:{port}", "pty": f"serial:{tmp_path / 'port'}"}
        finally:
            simulator.kill()


@asynccontextmanager
async def running(address: str, kind: type[CryoCon] = CryoCon) -> AsyncGenerator[ActorRef[CryoCon]]:
    """Run an instrument for it, which is to have one life once it is up."""
    connect = partial(open_transport, Address.parse(address), holder="cryo")
    spec = ChildSpec(name="cryo", factory=lambda: kind(kind.link_to(address, connect)), actor_type=kind)
    supervisor = Supervisor([spec])
    with trio.fail_after(50):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            await supervisor.wait_state("cryo", State.RUNNING)
            cell = supervisor.member("cryo").cell
            life = cell.life
            yield supervisor.ref("cryo", kind)
            assert cell.life == life
            nursery.cancel_scope.cancel()


via = pytest.mark.parametrize("via", ["tcp", "pty"])
pytestmark = pytest.mark.slow


@via
async def test_it_answers_and_says_no(addresses: dict[str, str], via: str) -> None:
    """R3, P5."""
    async with running(addresses[via]) as cryo:
        assert await cryo.ask(CryoCon.query("SYSTem:HWRev?")) == "12A4FE"
        await cryo.ask(CryoCon.rename("B", "plate"))
        assert await cryo.ask(CryoCon.name("B")) == "plate"
        with pytest.raises(CommandRefused, match=r"does not understand 'INPut. A:NONSENSE'"):
            await cryo.ask(CryoCon.query("INPut? A:NONSENSE"))
        assert await cryo.ask(CryoCon.name("A")) == "channel A"


@via
async def test_however_early_a_caller_leaves_each_channel_has_its_own_name(
    addresses: dict[str, str], via: str
) -> None:
    """L1, L2: it takes up to 0.1 s for an answer, and all of them look alike."""
    random = Random(3)  # noqa: S311 - repeatable, not secret
    left = 0
    async with running(addresses[via]) as cryo:
        for _ in range(60):
            channel = random.choice(CHANNELS)
            try:
                name = await cryo.ask(
                    CryoCon.name(channel), timeout=random.choice([0.05, 0.09, 0.1, 0.11, 5.0])
                )
            except CommandTimeout:
                left += 1
            else:
                assert name == f"channel {channel}"
        assert left > 5


@via
async def test_left_in_peace_it_answers_at_once(addresses: dict[str, str], via: str) -> None:
    """L5: the pause is on our side, and no answer has to wait for it."""
    async with running(addresses[via], SpacedCryoCon) as cryo:
        await cryo.ask(CryoCon.name("A"))
        began = trio.current_time()
        for _ in range(5):
            await trio.sleep(0.11)
            asked = trio.current_time()
            await cryo.ask(CryoCon.name("A"))
            assert trio.current_time() - asked < 0.08
        assert trio.current_time() - began < 1.2
