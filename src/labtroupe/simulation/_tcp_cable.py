"""A network cable to a simulated device: a port on the loopback, one client at a time."""

from __future__ import annotations

import io
import select
import socket

import attrs
import trio

from labtroupe.simulation._cable import DescriptorCable, Hear

_LOOPBACK = "127.0.0.1"


@attrs.define(eq=False)
class TcpCable(DescriptorCable):
    """A serial device server's port on the loopback: one client at a time.

    A second client is accepted and hung up on at once, as ser2net and Moxa's
    NPort do by default: two who take the port from each other for ever are
    worse than one who is told so.

    Unplugged, connections end and new ones are refused.  The port stays bound
    all the time, without listening: else it could be given to another program,
    or a client that tries again and again could be connected with itself.
    """

    _listener: socket.socket = attrs.field(factory=lambda: _bind(0), init=False)
    _listening: bool = attrs.field(default=False, init=False)
    _port: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Remember the port that the kernel chose."""
        self._port = int(self._listener.getsockname()[1])

    @property
    def address(self) -> str:
        """The port, as a TCP address."""
        return f"tcp://{_LOOPBACK}:{self._port}"

    def plug(self) -> None:
        """Accept connections."""
        if not self._listening:
            self._listener.listen()
            self._listening = True
            self._plugging.unpark_all()

    def unplug(self) -> None:
        """End the connection, and refuse others."""
        if self._listening:
            self.close()
            self._listener = _bind(self._port)

    def close(self) -> None:
        """End the connection, and give the port back."""
        self._hang_up()
        trio.lowlevel.notify_closing(self._listener)
        self._listener.close()
        self._listening = False

    async def run(self, hear: Hear) -> None:
        """Serve one client after the other."""
        async with trio.open_nursery() as nursery:
            while True:
                while not self._listening:
                    await self._plugging.park()
                pipe = await self._accept()
                if pipe is not None:
                    nursery.start_soon(self._serve, pipe, hear)

    async def _accept(self) -> io.FileIO | None:
        """Wait for a client; return ``None`` if it is refused, or the cable was pulled."""
        listener = self._listener
        try:
            await trio.lowlevel.wait_readable(listener)
            if listener is not self._listener:
                return None
            client = listener.accept()[0]
        except (trio.ClosedResourceError, BlockingIOError, ConnectionError):
            return None
        # Whoever restarts closes one connection and opens the next; we may hear of the second first.
        if self.refused or (self._pipe is not None and not _has_gone(self._pipe)):
            client.close()
            return None
        self._hang_up()
        self._pipe = _as_pipe(client)
        return self._pipe

    async def _serve(self, pipe: io.FileIO, hear: Hear) -> None:
        """Serve one client until it goes."""
        await self._pump(pipe, hear)
        if pipe is self._pipe:
            self._hang_up()


def _bind(port: int) -> socket.socket:
    """Return a socket that holds ``port`` on the loopback, 0 for any, but does not listen yet."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.settimeout(0)
        listener.bind((_LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    return listener


def _as_pipe(client: socket.socket) -> io.FileIO:
    """Return the connection as a plain file, ready for non-blocking use."""
    client.settimeout(0)
    # Answers are short, and each is waited for.
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return io.FileIO(client.detach(), "r+")


def _has_gone(pipe: io.FileIO) -> bool:
    """Return whether the other end of a connection was closed, even with bytes from it unread."""
    poll = select.poll()
    poll.register(pipe, select.POLLRDHUP)
    return bool(poll.poll(0))
