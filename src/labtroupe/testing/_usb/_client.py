"""One opening of a USB device's node: the ioctls of a program, and the memory that they point to.

umockdev's preload library passes each ``ioctl`` on to a Unix socket, and waits there for what to
return; meanwhile it reads and writes the program's memory as it is told.  It ends the
program if nobody answers any more.  So is `remote_emulate` in ``libumockdev-preload.c`` of umockdev 0.17.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from typing import Final

import attrs

_RETURN, _READ, _WRITE = 3, 5, 6
"""What it can be told: ``IOCTL_RES_DONE``, ``IOCTL_RES_READ_MEM`` and ``IOCTL_RES_WRITE_MEM``."""

_MESSAGE: Final = struct.Struct("@LLL")
"""``struct ioctl_request``: what to do, and two arguments."""

_UNSIGNED: Final = (1 << 8 * struct.calcsize("@L")) - 1


@attrs.define(eq=False)
class Urb:
    """A transfer that a program has begun (a request block of the kernel's).

    Attributes:
        client: Whose it is.
        address: Where its description is in the program's memory.
        kind: That of the transfer, as usbfs has it.
        endpoint: Which end of the device; with its highest bit set, bytes come from there.
        buffer: Where the bytes are, or are to be put.
        room: How many there are, or may be.
        data: The bytes that go out, then those that came in.
        status: How it ended: 0, or an error as a negative number.
        length: How many bytes went.
    """

    client: Client
    address: int
    kind: int
    endpoint: int
    buffer: int
    room: int
    data: bytes
    status: int = 0
    length: int = 0


@attrs.define(eq=False)
class Client:
    """One opening of a node.

    Attributes:
        connection: Over which its ioctls come.
        pending: Its transfers that have not ended.
        ended: Those that have, and were not fetched.
    """

    connection: socket.socket
    pending: list[Urb] = attrs.field(factory=list[Urb], init=False)
    ended: deque[Urb] = attrs.field(factory=deque[Urb], init=False)

    def next_ioctl(self) -> tuple[int, int]:
        """Return the number and the argument of what is asked.

        Raises:
            OSError: The program has closed the node.
        """
        _, request, argument = _MESSAGE.unpack(self._receive(_MESSAGE.size))
        # The kind and the number, without the size of the argument (``asm-generic/ioctl.h``).
        return request & 0xFF, argument

    def reply(self, result: int) -> None:
        """Let the ioctl return: a result, or an error as a negative number."""
        value, error = (result, 0) if result >= 0 else (-1, -result)
        self.connection.sendall(_MESSAGE.pack(_RETURN, value & _UNSIGNED, error))

    def read(self, address: int, count: int) -> bytes:
        """Return bytes of the program's memory."""
        if not count:
            return b""
        self.connection.sendall(_MESSAGE.pack(_READ, address, count))
        return self._receive(count)

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into the program's memory."""
        if data:
            self.connection.sendall(_MESSAGE.pack(_WRITE, address, len(data)) + data)

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.connection.recv(count - len(data))
            if not part:
                raise ConnectionResetError
            data += part
        return data
