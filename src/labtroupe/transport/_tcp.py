"""TCP connections, to instruments with an Ethernet port and to serial gateways."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import socket
from collections.abc import Sequence
from typing import ClassVar, Self

import attrs
import trio

from labtroupe.errors import DeviceAbsent, LinkError
from labtroupe.transport._address import Address
from labtroupe.transport._descriptor import DescriptorTransport
from labtroupe.transport._transport import Transport

_CONNECT_LIMIT = 5.0
"""Seconds that connecting may take; without a limit the kernel tries for two minutes."""

_PLACE = re.compile(r"//(?:\[(?P<ipv6>[^][]+)\]|(?P<name>[^][:/@\s]+)):(?P<port>[0-9]{1,5})")

_LAST_PORT = 65535

_ABSENT = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
    }
)

_LIVENESS = {
    "TCP_KEEPIDLE": 3,  # seconds of silence until the first probe
    "TCP_KEEPINTVL": 1,  # seconds between two
    "TCP_KEEPCNT": 3,  # probes without an answer until it is lost
    "TCP_USER_TIMEOUT": 6000,  # milliseconds that sent data may stay unacknowledged
}
"""Notices a pulled cable within 6 s.

Probes are sent only while nothing is unacknowledged, and the user timeout alone does not run
while nothing is sent: each misses what the other sees.
"""


@attrs.frozen
class TcpAddress(Address):
    """A TCP server: ``tcp://192.168.1.20:5025``, ``tcp://[fe80::1%eth0]:5025``."""

    scheme: ClassVar[str] = "tcp"
    example: ClassVar[str] = "tcp://192.168.1.20:5025"

    host: str
    port: int

    @classmethod
    def at(cls, place: str) -> Self:
        """Return the server at ``//host:port``; see `Address.at`."""
        found = _PLACE.fullmatch(place)
        if not found:
            raise ValueError(f"{place!r} is no //host:port")
        if not 1 <= (port := int(found["port"])) <= _LAST_PORT:
            raise ValueError(f"{port} is no port; they go from 1 to {_LAST_PORT}")
        host = str(ipaddress.IPv6Address(found["ipv6"])) if found["ipv6"] else found["name"].lower()
        # Refuses, with a UnicodeError, what would fail only when it is looked up.
        host.encode("idna")
        return cls(host, port)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"//[{self.host}]:{self.port}" if ":" in self.host else f"//{self.host}:{self.port}"

    async def open(
        self,
        resource: str,  # noqa: ARG002 - claimed, that is all
        undo: contextlib.ExitStack,
    ) -> Transport:
        """Connect; see `Address.open`.

        Raises:
            DeviceAbsent: Nobody answers there within 5 s, or nobody listens, or there is no such host.
            LinkError: It failed on our side.
        """
        try:
            with trio.fail_after(_CONNECT_LIMIT):
                stream = await trio.open_tcp_stream(self.host, self.port)
        except trio.TooSlowError as error:
            raise DeviceAbsent(f"{self}: no answer within {_CONNECT_LIMIT:g} s") from error
        except OSError as error:
            raise self._refusal(error) from error
        connection = socket.socket(fileno=stream.socket.detach())
        undo.callback(connection.close)
        _set_up(connection)
        return DescriptorTransport(
            self, connection.fileno(), undo.pop_all(), "the other side closed the connection"
        )

    def _refusal(self, error: OSError) -> LinkError:
        """Return our error for trio's, which is a group with an error for each address of the host."""
        causes: Sequence[OSError] = getattr(error.__cause__, "exceptions", [error])
        cause = causes[0]
        unknown = isinstance(cause, socket.gaierror)
        what = cause.strerror if unknown or not cause.errno else os.strerror(cause.errno)
        kind = DeviceAbsent if unknown or cause.errno in _ABSENT else LinkError
        return kind(f"{self}: cannot connect ({what})")


def _set_up(connection: socket.socket) -> None:
    # Otherwise the second of two short writes waits for the acknowledgement of the first: 40 ms.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _LIVENESS.items():
        # Linux has them all, macOS some under other names.
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
