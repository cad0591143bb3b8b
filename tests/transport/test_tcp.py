"""What only TCP has: names, routes, and peers that fall silent."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import NoReturn

import pytest
import trio

from labtroupe.errors import DeviceAbsent, LinkError
from labtroupe.transport import Address, TcpAddress, open_transport
from labtroupe.transport import _tcp as tcp_module

from ._peers import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A server to connect to."""
    server = Server()
    yield server
    server.unplug()


async def test_a_silent_connection_is_probed_and_short_writes_go_at_once(server: Server) -> None:
    """L7: keepalive and the user timeout together; either alone misses a pulled cable."""
    transport = await open_transport(Address.parse(server.address), holder="scope")
    descriptor: int = getattr(transport, "_fd")  # noqa: B009 - of one kind of transport only
    connection = socket.socket(fileno=descriptor)
    options = [
        connection.getsockopt(level, option)
        for level, option in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        )
    ]
    connection.detach()
    await transport.aclose()

    assert options == [1, 1, 3, 6000]


async def test_closing_lets_what_was_sent_leave_although_an_answer_is_unread(server: Server) -> None:
    """S9: a socket closed with unread input is reset, and what it had not sent yet is lost."""
    transport = await open_transport(Address.parse(server.address), holder="scope")
    await server.attach()
    async with contextlib.aclosing(transport), trio.open_nursery() as nursery:
        sent = 0
        # Until the other side takes no more, so that our side holds some of it.
        with trio.move_on_after(0.05):
            while True:
                await transport.send(bytes(1000))
                sent += 1000
        server.send(b"unread")
        await trio.sleep(0.02)
        nursery.start_soon(transport.aclose)
        await trio.sleep(0.02)
        received = await server.receive_at_least(sent, pause=0.0001)

    assert len(received) >= sent


async def test_nobody_listening_is_an_absent_device(server: Server) -> None:
    server.unplug()

    with pytest.raises(DeviceAbsent, match=r"^tcp://127.0.0.1:\d+: cannot connect \(Connection refused\)$"):
        await open_transport(Address.parse(server.address), holder="scope")


async def test_no_answer_is_an_absent_device_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_module, "_CONNECT_LIMIT", 0.1)
    with socket.socket() as listener, socket.socket() as first:
        # Room for one that is not taken; the kernel answers no other.
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        with trio.fail_after(1), pytest.raises(DeviceAbsent, match=r"no answer within 0\.1 s$"):
            await open_transport(TcpAddress(*listener.getsockname()), holder="scope")


async def test_an_unknown_name_is_an_absent_device() -> None:
    class NoNames(trio.abc.HostnameResolver):
        async def getaddrinfo(self, *_: object, **__: object) -> NoReturn:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        async def getnameinfo(self, *_: object, **__: object) -> NoReturn:
            raise NotImplementedError

    trio.socket.set_custom_hostname_resolver(NoNames())

    with pytest.raises(DeviceAbsent, match=r"^tcp://scope:5025: .* \(Name or service not known\)$"):
        await open_transport(TcpAddress("scope", 5025), holder="scope")


async def test_a_fault_on_our_side_is_no_absent_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for an absent device does not count as a restart; having no descriptors left does."""

    async def fail(*_: object) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(trio, "open_tcp_stream", fail)
    with pytest.raises(LinkError, match="Too many open files") as caught:
        await open_transport(TcpAddress("scope", 5025), holder="scope")

    assert type(caught.value) is LinkError
