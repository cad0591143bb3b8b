"""A USB device made of Python: who it is, its node, and the transfers that programs begin.

The node is a pseudo-terminal.  While nothing is to be fetched from it its output buffer is
kept full, so that it is "writable", as usbfs says, when a transfer has ended.  To close the
other end is to pull the plug.
"""

from __future__ import annotations

import abc
import contextlib
import errno
import os
import struct
import threading
import tty
from collections.abc import Callable
from typing import ClassVar, Final

import attrs

from labtroupe.testing._usb._client import Client, Urb

VID, PID = 0x1209, 0x0001
"""Those that pid.codes has set aside for tests."""

BULK_OUT, BULK_IN = 0x01, 0x82
"""Its two endpoints."""

_IN = 0x80
_CONTROL = 2
"""``USBDEVFS_URB_TYPE_CONTROL``."""

_SETUP: Final = struct.Struct("<BBHHH")
"""Kind, request, value, index and size (USB 2.0, table 9-2)."""

_FILL: Final = bytes(4096)


def _nothing() -> None:
    return


@attrs.define(eq=False)
class UsbDevice(abc.ABC):
    """One USB device with two bulk endpoints; a subclass says what it does with bytes and control requests.

    A thread of the bed asks it, and others may; so all of it is used under its lock.

    Attributes:
        vid: Its vendor.
        pid: Its product.
        serial_number: Its serial number.
        number: That on its bus.
        location: Where it is plugged in, as Linux says it.
        room: How many bytes it keeps that nobody has taken out of ``heard``.
        refused: Whether it is somebody else's for all who claim it.
        answers: Whether it answers control requests.
        when_used: Called when something was done with it, in any thread.
        gone: Whether it was unplugged, for good.
        clients: Those who have its node open.
        claimed_by: Which of them has it.
        restarted: Endpoints that were told to go on.
        cleared: How often it was told to forget what it was asked, where it can be.
        heard: What has come, and nobody has taken.
        says: What it sends to whoever reads.
    """

    interface_class: ClassVar[tuple[int, int, int]] = (0xFF, 0, 0)
    bus: ClassVar[int] = 1

    vid: int = attrs.field(default=VID, kw_only=True)
    pid: int = attrs.field(default=PID, kw_only=True)
    serial_number: str = attrs.field(default="SN0001", kw_only=True)
    number: int = attrs.field(default=2, kw_only=True)
    location: str = attrs.field(default="1-1", kw_only=True)
    room: int = attrs.field(default=65536, kw_only=True)
    refused: bool = attrs.field(default=False, kw_only=True)
    answers: bool = attrs.field(default=True, kw_only=True)
    when_used: Callable[[], None] = attrs.field(default=_nothing, kw_only=True)
    lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)
    gone: bool = attrs.field(default=False, init=False)
    clients: list[Client] = attrs.field(factory=list[Client], init=False)
    claimed_by: Client | None = attrs.field(default=None, init=False)
    restarted: list[int] = attrs.field(factory=list[int], init=False)
    cleared: int = attrs.field(default=0, init=False)
    heard: bytearray = attrs.field(factory=bytearray, init=False)
    says: bytearray = attrs.field(factory=bytearray, init=False)
    node: str = attrs.field(init=False)
    _pty: tuple[int, int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the node."""
        self._pty = master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        os.set_blocking(slave, False)
        self.node = os.ttyname(slave)
        self.show_readiness()

    @property
    def descriptors(self) -> bytes:
        """Its descriptors, one after the other (USB 2.0, 9.6)."""
        device = struct.pack(
            "<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, self.vid, self.pid, 0x100, 1, 2, 3, 1
        )
        interface = struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 2, *self.interface_class, 0)
        ends = b"".join(struct.pack("<BBBBHB", 7, 5, end, 2, 512, 0) for end in (BULK_OUT, BULK_IN))
        whole = 9 + len(interface) + len(ends)
        return device + struct.pack("<BBHBBBBB", 9, 2, whole, 1, 1, 0, 0x80, 50) + interface + ends

    @abc.abstractmethod
    def take(self, data: bytes) -> int:
        """Return how many of the bytes that are sent it takes now."""

    @abc.abstractmethod
    def say(self, data: bytes) -> None:
        """Have something to say; `progress` lets it go out."""

    @property
    @abc.abstractmethod
    def unsaid(self) -> int:
        """How many bytes it has to say that have not gone out."""

    def control(self, kind: int, request: int, tag: int) -> bytes | None:  # noqa: ARG002 - for subclasses
        """Return what it answers to a control request; ``None`` if it refuses."""
        return None

    def packet(self, room: int) -> bytes:
        """Return what it sends in one transfer now; ``b""`` if it has nothing to send."""
        data = bytes(self.says[:room])
        del self.says[:room]
        return data

    def progress(self) -> None:
        """End the transfers that can end."""
        with self.lock:
            # What goes out first: it may be what what comes in waits for.
            pending = [urb for client in self.clients for urb in client.pending]
            for urb in sorted(pending, key=lambda urb: urb.endpoint & _IN):
                self._try(urb)
            self.show_readiness()
        self.when_used()

    def begin(self, urb: Urb) -> None:
        """Begin a transfer."""
        urb.client.pending.append(urb)
        self.progress()

    def discard(self, client: Client, address: int) -> bool:
        """End a transfer that is cancelled; false if it has ended."""
        for urb in client.pending:
            if urb.address == address:
                self._end(urb, -errno.ENOENT, urb.length)
                self.show_readiness()
                return True
        return False

    def leave(self, client: Client) -> None:
        """Take note that somebody has closed the node."""
        with self.lock:
            self.clients.remove(client)
            if self.claimed_by is client:
                self.claimed_by = None
        self.when_used()

    def pull(self) -> None:
        """Go, for good."""
        with self.lock:
            self.gone = True
            for client in self.clients:
                for urb in list(client.pending):
                    self._end(urb, -errno.ESHUTDOWN, urb.length)
            for end in self._pty:
                os.close(end)

    def show_readiness(self) -> None:
        """Let the node be writable if there is something to be fetched, and only then."""
        if self.gone:
            return
        master, slave = self._pty
        with contextlib.suppress(BlockingIOError):
            while any(client.ended for client in self.clients):
                os.read(master, 65536)
            while not any(client.ended for client in self.clients):
                os.write(slave, _FILL)

    def _try(self, urb: Urb) -> None:
        if urb.kind == _CONTROL:
            self._try_control(urb)
        elif not urb.endpoint & _IN:
            urb.length += self.take(urb.data[urb.length :])
            if urb.length == len(urb.data):
                self._end(urb, 0, urb.length)
        elif data := self.packet(urb.room):
            urb.data = data
            self._end(urb, 0, len(data))

    def _try_control(self, urb: Urb) -> None:
        if self.answers:
            kind, request, tag, *_ = _SETUP.unpack(urb.data[: _SETUP.size])
            answer = self.control(kind, request, tag)
            urb.data = answer or b""
            self._end(urb, -errno.EPIPE if answer is None else 0, len(urb.data))

    def _end(self, urb: Urb, status: int, length: int) -> None:
        urb.client.pending.remove(urb)
        urb.status, urb.length = status, length
        urb.client.ended.append(urb)
