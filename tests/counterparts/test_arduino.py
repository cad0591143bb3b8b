"""Somebody else's firmware: the Arduino bootloader on simavr, behind a pty, and its binary STK500v1."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import attrs
import pytest
import trio

from labtroupe import ActorRef, ChildSpec, Instrument, Quiet, State, Supervisor, command
from labtroupe.errors import CommandTimeout, LinkLost, Outcome, ProtocolError
from labtroupe.protocol import FixedLength
from labtroupe.transport import Address, open_transport

FIRMWARE = Path("/usr/share/arduino/hardware/arduino/avr/bootloaders/atmega/ATmegaBOOT_168_atmega328.hex")
HEADER = Path("/usr/include/simavr/sim_avr.h")
PAGE: Final = 128
"""Bytes of a page of flash."""
IN_SYNC, OK, END = b"\x14", b"\x10", b"\x20"

pytestmark = [
    pytest.mark.apt,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (FIRMWARE.exists() and HEADER.exists() and shutil.which("gcc")),
        reason="needs apt: gcc libc6-dev libelf-dev libsimavr-dev arduino-core-avr",
    ),
]


def within_answer(frames: Sequence[bytes], length: int) -> bool:
    """Return whether some bytes can begin an answer with so many bytes in it."""
    return frames[0] == IN_SYNC and (len(frames) < length + 2 or frames[-1] == OK)


@attrs.define(eq=False)
class Bootloader(Instrument):
    """A bootloader that speaks STK500v1: each command ends with a space, each byte may be data."""

    framing = FixedLength(1)
    # A page takes 25 ms at 57600 baud, and 5 ms to be written.
    resync = (Quiet(0.8),)

    async def on_open(self) -> None:
        """See who it is."""
        if await self.signature() != b"\x1e\x95\x0f":
            raise ProtocolError("this is no ATmega328P")

    @command(timeout=2.0, idempotent=True)
    async def signature(self) -> bytes:
        """Which chip it is."""
        return await self._tell(b"u", 3)

    @command(timeout=2.0)
    async def write_page(self, address: int, data: bytes) -> None:
        """Write a page, which begins at a word."""
        async with self.link.transaction():
            await self._tell(b"U" + address.to_bytes(2, "little"))
            await self._tell(b"d" + len(data).to_bytes(2, "big") + b"F" + data)

    @command(timeout=2.0)
    async def read_page(self, address: int) -> bytes:
        """Read a page."""
        async with self.link.transaction():
            await self._tell(b"U" + address.to_bytes(2, "little"))
            return await self._tell(b"t" + PAGE.to_bytes(2, "big") + b"F", PAGE)

    async def _tell(self, words: bytes, length: int = 0) -> bytes:
        """Return the bytes that the bootloader answers."""
        frames = await self.link.exchange_many(
            words + END, length + 2, lambda frames: within_answer(frames, length)
        )
        return b"".join(frames[1:-1])


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the simulator."""
    built = tmp_path_factory.mktemp("simavr") / "arduino"
    source = Path(__file__).with_name("arduino.c")
    subprocess.run(  # noqa: S603 - our own program
        ["gcc", "-O2", "-o", built, source, "-lsimavr", "-lelf", "-lutil"],  # noqa: S607 - the system's
        check=True,
        capture_output=True,
    )
    return built


@attrs.define(eq=False)
class Board:
    """An Arduino at a port that keeps its name.

    Attributes:
        simulator: What runs it.
        port: A symlink.
    """

    simulator: Path
    port: Path
    process: subprocess.Popen[str] | None = None

    def plug_in(self) -> None:
        """Switch it on."""
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [self.simulator, FIRMWARE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(self.process.stdout.readline().strip())

    def send(self, number: signal.Signals) -> None:
        """Stop it, let it go on, or kill it."""
        assert self.process is not None
        self.process.send_signal(number)

    def pull_out(self) -> None:
        """Kill it: its port is gone at once."""
        if self.process is not None:
            with self.process:
                self.process.kill()
            self.process = None


@asynccontextmanager
async def bench(simulator: Path, tmp_path: Path) -> AsyncGenerator[tuple[Board, ActorRef[Bootloader]]]:
    """Run a board, and an instrument for it."""
    board = Board(simulator, tmp_path / "port")
    address = f"serial:{board.port}?baudrate=57600"
    connect = partial(open_transport, Address.parse(address), holder="board")

    def make() -> Bootloader:
        return Bootloader(Bootloader.link_to(address, connect))

    supervisor = Supervisor([ChildSpec(name="board", factory=make, actor_type=Bootloader)])
    board.plug_in()
    try:
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                await nursery.start(supervisor.run)
                await supervisor.wait_state("board", State.RUNNING)
                yield board, supervisor.ref("board", Bootloader)
                nursery.cancel_scope.cancel()
    finally:
        board.pull_out()


async def test_pages_are_written_and_read_back(simulator: Path, tmp_path: Path) -> None:
    """P5, L3: several exchanges each, whose answers may have any byte in them, also those that end them."""
    async with bench(simulator, tmp_path) as (_, board):
        random = Random(1)  # noqa: S311 - repeatable, not secret
        pages = {0x1000 + number * PAGE // 2: random.randbytes(PAGE) for number in range(4)}
        pages[0x1200] = (IN_SYNC + OK) * (PAGE // 2)
        for address, data in pages.items():
            await board.ask(Bootloader.write_page(address, data))
        for address, data in pages.items():
            assert await board.ask(Bootloader.read_page(address)) == data
        assert await board.ask(Bootloader.signature()) == b"\x1e\x95\x0f"


async def test_an_answer_that_comes_after_a_hang_is_given_to_nobody(simulator: Path, tmp_path: Path) -> None:
    """L1, L2: the firmware is stopped in mid-command, its caller leaves, and then it goes on and answers."""
    async with bench(simulator, tmp_path) as (device, board):
        pages = {0x1000: bytes(range(PAGE)), 0x1100: bytes(reversed(range(PAGE)))}
        for address, data in pages.items():
            await board.ask(Bootloader.write_page(address, data))
        cut_off = 0
        for pause in (0.005, 0.01, 0.015, 0.02):
            reply = board.send(Bootloader.read_page(0x1000), timeout=0.2)
            await trio.sleep(pause)
            device.send(signal.SIGSTOP)
            # On a busy machine the pause may be so long that it has answered.
            with suppress(CommandTimeout):
                await reply
            cut_off += reply.outcome is Outcome.UNKNOWN
            device.send(signal.SIGCONT)
            assert await board.ask(Bootloader.read_page(0x1100), timeout=5) == pages[0x1100]
        assert cut_off > 0


async def test_a_board_that_is_pulled_out_comes_back_by_itself(simulator: Path, tmp_path: Path) -> None:
    """L7, S7: at once, with the reason; another life talks with what is there then."""
    async with bench(simulator, tmp_path) as (device, board):
        await board.ask(Bootloader.write_page(0x1000, bytes(PAGE)))
        device.send(signal.SIGSTOP)
        reply = board.send(Bootloader.read_page(0x1000))
        await trio.sleep(0.05)
        began = trio.current_time()
        device.pull_out()
        with pytest.raises(LinkLost):
            await reply
        assert trio.current_time() - began < 0.3
        await board.wait_state(State.BACKOFF)
        device.plug_in()
        assert await board.ask(Bootloader.read_page(0x1000), timeout=10) == b"\xff" * PAGE
