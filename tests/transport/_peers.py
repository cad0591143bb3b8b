"""The far ends that transports are tested against: what a device and its cable do."""

from __future__ import annotations

import abc
import contextlib
import os
import signal
import socket
import struct
import tempfile
import time
import tty
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import ClassVar, Self

import attrs
import trio
import trio.testing

from labtroupe.simulation import SimulatedDevice
from labtroupe.testing import ByteDouble, DoubleVia, byte_double


class Peer(abc.ABC):
    """One device with one cable.  A new transport joins the contract tests with one of these."""

    flood: ClassVar[int]
    """More bytes than the connection holds while nobody reads."""

    speaks_unasked: ClassVar[bool] = True
    has_clear: ClassVar[bool] = False
    cycles: ClassVar[int] = 300
    """How often it can be opened in a second or two."""
    endurance: ClassVar[int] = 10_000
    """How often it can be opened in about ten seconds."""

    absent: ClassVar[str] = "serial:/dev/no-such-port"
    """Where there is nothing."""

    address: str
    """Where the transport has to be opened."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[Self]:
        """Be there in the body."""
        try:
            yield self
        finally:
            self.close()

    async def attach(self) -> None:  # noqa: B027 - to most it makes no difference
        """Take the connection that has just been opened."""

    def stall(self) -> None:  # noqa: B027 - most take nothing of their own accord
        """Take nothing more, until something is received."""

    @abc.abstractmethod
    def send(self, data: bytes) -> None:
        """Send a little to the transport."""

    @abc.abstractmethod
    def receive_nowait(self) -> bytes:
        """Return some of what has arrived, or ``b""``."""

    @abc.abstractmethod
    def unplug(self) -> None:
        """Break the connection; nothing is at the address any more.  Again: does nothing."""

    def close(self) -> None:
        """Unplug it, and leave nothing."""
        self.unplug()

    async def receive_at_least(self, count: int, *, pause: float = 0) -> bytes:
        """Return the next ``count`` bytes and what came with them; ``pause`` seconds between reads."""
        received = bytearray()
        with trio.fail_after(5):
            while len(received) < count:
                received += self.receive_nowait()
                await trio.sleep(pause)
        return bytes(received)


class Pty(Peer):
    """A serial port whose cable is a pseudo-terminal."""

    flood = 100_000

    def __init__(self) -> None:
        self.device, port = os.openpty()
        tty.setraw(self.device)
        tty.setraw(port)
        os.set_blocking(self.device, False)
        self.path = os.ttyname(port)
        self.address = f"serial:{self.path}?baudrate=115200"
        os.close(port)

    def send(self, data: bytes) -> None:
        """Send a little to the transport."""
        assert os.write(self.device, data) == len(data)

    def receive_nowait(self) -> bytes:
        """Return some of what has arrived, or ``b""``."""
        # A pseudo-terminal that nobody has open at the other end answers with EIO.
        with contextlib.suppress(OSError):
            return os.read(self.device, 4096)
        return b""

    def unplug(self) -> None:
        """Hang up."""
        if self.device >= 0:
            os.close(self.device)
        self.device = -1


class Server(Peer):
    """A TCP server on the loopback interface that closes its connection in order."""

    flood = 2_000_000

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(1)
        self._connection: socket.socket | None = None
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    async def attach(self) -> None:
        """Take the connection that has just been opened, and drop the one before."""
        self._hang_up()
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(0)

    def send(self, data: bytes) -> None:
        """Send a little to the transport."""
        assert self._connection is not None
        self._connection.sendall(data)

    def receive_nowait(self) -> bytes:
        """Return some of what has arrived, or ``b""``."""
        assert self._connection is not None
        with contextlib.suppress(BlockingIOError):
            return self._connection.recv(65536)
        return b""

    def unplug(self) -> None:
        """Close the connection, and listen no more."""
        self._hang_up()
        self._listener.close()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class ResettingServer(Server):
    """A TCP server that breaks its connection off, as one does that is switched off and on."""

    def _hang_up(self) -> None:
        if self._connection is not None:
            # Lingering for 0 s means: reset.
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        super()._hang_up()


class Program(Peer):
    """A program that passes on what comes, and what is to be said, until it is killed."""

    flood = 1_000_000
    cycles = 50
    # Three processes each time.
    endurance = 1000

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        heard, said, link, self._program = (f"{self._folder.name}/{name}" for name in "hspx")
        self._link = Path(link)
        self._pids: list[int] = []
        os.mkfifo(heard)
        os.mkfifo(said)
        # A pipe that we hold at both ends never ends.
        self._heard, self._said = (os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in (heard, said))
        # Two processes: the second has its output too, and does not end with the first.
        # A link appears at once and whole, so it can tell their numbers.
        script = f"#!/bin/sh\ncat {said} &\nln -s $$.$! {link}\nexec cat >{heard}\n"
        Path(self._program).write_text(script, encoding="utf-8")
        Path(self._program).chmod(0o700)
        self.address = f"process:{self._program}"

    async def attach(self) -> None:
        """Wait until it can be killed, and the one before has ended, who would take its input."""
        _wait(self._link.is_symlink)
        before, self._pids = self._pids, [int(pid) for pid in str(self._link.readlink()).split(".")]
        self._link.unlink()
        _wait(lambda: not any(map(is_running, before)))

    def send(self, data: bytes) -> None:
        """Send a little to the transport."""
        assert os.write(self._said, data) == len(data)

    def receive_nowait(self) -> bytes:
        """Return some of what has arrived, or ``b""``."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self._heard, 65536)
        return b""

    def unplug(self) -> None:
        """Kill the program, and remove it."""
        if self._heard < 0:
            return
        for pid in self._pids[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os.close(self._heard)
        os.close(self._said)
        self._heard = -1
        self._folder.cleanup()


@attrs.define(eq=False)
class Recorder(SimulatedDevice):
    """A device that hears all and answers nothing."""

    heard: bytearray = attrs.field(factory=bytearray, init=False)

    def hear(self, data: bytes) -> Sequence[bytes]:
        """Keep it."""
        self.heard += data
        return []


class Double(Peer):
    """A byte double, whose device says what it is told to say."""

    via: ClassVar[DoubleVia]

    def __init__(self) -> None:
        self._double: ByteDouble[Recorder] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[Self]:
        """Be there in the body."""
        async with byte_double(Recorder(), via=self.via) as self._double:
            self.address = self._double.address
            yield self

    async def attach(self) -> None:
        """Wait until the connection was taken."""
        await trio.testing.wait_all_tasks_blocked()

    def stall(self) -> None:
        """Take nothing more, until something is received."""
        self.double.inject("slow-drain", "1h")

    async def receive_at_least(self, count: int, *, pause: float = 0) -> bytes:
        """Return the next ``count`` bytes and what came with them; ``pause`` seconds between reads."""
        self.double.inject("clear")
        return await super().receive_at_least(count, pause=pause)

    def send(self, data: bytes) -> None:
        """Send a little to the transport."""
        # A device answers, and has no way to say something unasked.
        (slot,) = self.double._rack._slots.values()
        assert slot.cable.send_now(data) == len(data)

    def receive_nowait(self) -> bytes:
        """Return some of what has arrived, or ``b""``."""
        heard = bytes(self.double.device.heard)
        self.double.device.heard.clear()
        return heard

    def unplug(self) -> None:
        """Pull the cable."""
        self.double.inject("unplug")

    @property
    def double(self) -> ByteDouble[Recorder]:
        """The double, once it is running."""
        assert self._double is not None
        return self._double


class MemoryDouble(Double):
    """It is in this process."""

    via = "memory"
    flood = 100_000


class PtyDouble(Double):
    """It is behind a serial port that is a pseudo-terminal."""

    via = "pty"
    flood = 100_000


class TcpDouble(Double):
    """It is behind a TCP server on the loopback interface, which closes its connections in order."""

    via = "tcp"
    flood = 2_000_000


def is_running(pid: int) -> bool:
    """Return whether there is such a process that has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    # One that has lost its parent is reaped by somebody else, some day.
    return status.rpartition(")")[2].split()[0] != "Z"


def _wait(is_so: Callable[[], bool]) -> None:
    for _ in range(2000):
        if is_so():
            return
        time.sleep(0.001)
    raise TimeoutError


def descriptors() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


PEERS: list[type[Peer]] = [PtyDouble, TcpDouble, ResettingServer, Program, MemoryDouble]
"""What has no double has a far end of its own.

`Pty` and `Server`, which no test of the contract needs any more, are for tests that stay below all doubles.
"""
