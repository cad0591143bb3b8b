"""The far ends that transports are tested against: what a device and its cable do."""

from __future__ import annotations

import abc
import contextlib
import os
import socket
import struct
import tty
from pathlib import Path
from typing import ClassVar

import trio


class Peer(abc.ABC):
    """One device with one cable.  A new transport joins the contract tests with one of these."""

    flood: ClassVar[int]
    """More bytes than the connection holds while nobody reads."""

    address: str
    """Where the transport has to be opened."""

    @abc.abstractmethod
    def attach(self) -> None:
        """Take the connection that has just been opened."""

    @abc.abstractmethod
    def send(self, data: bytes) -> None:
        """Send a little to the transport."""

    @abc.abstractmethod
    def receive_nowait(self) -> bytes:
        """Return some of what has arrived, or ``b""``."""

    @abc.abstractmethod
    def unplug(self) -> None:
        """Break the connection; nothing is at the address any more.  Again: does nothing."""

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
        self._device, port = os.openpty()
        tty.setraw(self._device)
        tty.setraw(port)
        os.set_blocking(self._device, False)
        self.path = os.ttyname(port)
        self.address = f"serial:{self.path}?baudrate=115200"
        os.close(port)

    def attach(self) -> None:
        """Do nothing: the cable is there from the start."""

    def send(self, data: bytes) -> None:
        """Send a little to the transport."""
        assert os.write(self._device, data) == len(data)

    def receive_nowait(self) -> bytes:
        """Return some of what has arrived, or ``b""``."""
        # A pseudo-terminal that nobody has open at the other end answers with EIO.
        with contextlib.suppress(OSError):
            return os.read(self._device, 4096)
        return b""

    def unplug(self) -> None:
        """Hang up."""
        if self._device >= 0:
            os.close(self._device)
        self._device = -1


class Server(Peer):
    """A TCP server on the loopback interface that closes its connection in order."""

    flood = 2_000_000

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(1)
        self._connection: socket.socket | None = None
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def attach(self) -> None:
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


def descriptors() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


PEERS: list[type[Peer]] = [Pty, Server, ResettingServer]
