"""USB devices made of Python, for programs that run under umockdev's preload library.

The library sends each ``ioctl`` on a device's node to a Unix socket, and waits there for
what to return; meanwhile it reads and writes the program's memory as it is told.  So we
answer as the kernel's usbfs does, from a thread, since the program may be our own process.

The node is a pseudo-terminal.  While nothing is to be fetched from it its output buffer is
kept full, so that it is "writable", as usbfs says, when a transfer has ended.  To close the
other end is to pull the plug.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import shutil
import socket
import struct
import threading
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path

import attrs

CALL, RETURN, READ, WRITE = 1, 3, 5, 6
"""Messages of umockdev 0.17."""

MESSAGE = struct.Struct("@LLL")
URB = struct.Struct("@BBxxiIxxxxQiiiiiIQ")
SETUP = struct.Struct("<BBHHH")
CONTROL = 2
CAPABILITIES = 0x01 | 0x04 | 0x10
"""Zero packets, no limit to the size of a packet, and fetching after the plug was pulled."""

REAP, REAP_NOW = 12, 13
"""Numbers of ioctls of usbfs; the others are named where they are answered."""


@attrs.define(eq=False)
class Urb:
    """A transfer that a program has begun."""

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
    """One opening of a node."""

    connection: socket.socket
    pending: list[Urb] = attrs.field(factory=list[Urb])
    ended: deque[Urb] = attrs.field(factory=deque[Urb])


class Device:
    """One USB device; a subclass says what it does with bytes and control requests."""

    vid, pid, serial_number, interface_class = 0x1234, 0x5678, "SN0001", (0xFF, 0, 0)
    bus, number, location = 1, 2, "1-1"

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.claimed_by: Client | None = None
        self.gone = False
        self.answers = True
        """Whether it answers control requests."""
        self.clients: list[Client] = []
        self.restarted: list[int] = []
        """Endpoints that were told to go on."""
        self.says: bytearray = bytearray()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        os.set_blocking(self._slave, False)
        self.node = os.ttyname(self._slave)
        self._show_readiness()

    @property
    def descriptors(self) -> bytes:
        """Its descriptors, one after the other."""
        device = struct.pack(
            "<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, self.vid, self.pid, 0x100, 1, 2, 3, 1
        )
        interface = struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 2, *self.interface_class, 0)
        ends = b"".join(struct.pack("<BBBBHB", 7, 5, end, 2, 512, 0) for end in (0x01, 0x82))
        whole = 9 + len(interface) + len(ends)
        return device + struct.pack("<BBHBBBBB", 9, 2, whole, 1, 1, 0, 0x80, 50) + interface + ends

    # What a subclass says.

    def take(self, data: bytes) -> int:
        """Return how many of the bytes that are sent it takes now."""
        raise NotImplementedError

    def control(self, kind: int, request: int, tag: int) -> bytes | None:  # noqa: ARG002 - for subclasses
        """Return what it answers to a control request; ``None`` if it refuses."""
        return None

    def packet(self, room: int) -> bytes:
        """Return what it sends in one transfer now."""
        data = bytes(self.says[:room])
        del self.says[:room]
        return data

    # What the bed does.

    def progress(self) -> None:
        """End the transfers that can end."""
        with self.lock:
            # What goes out first: it may be what what comes in waits for.
            pending = [urb for client in self.clients for urb in client.pending]
            for urb in sorted(pending, key=lambda urb: urb.endpoint & 0x80):
                self._try(urb)
            self._show_readiness()

    def _try(self, urb: Urb) -> None:
        if urb.kind == CONTROL:
            if not self.answers:
                return
            kind, request, tag, *_ = SETUP.unpack(urb.data[:8])
            answer = self.control(kind, request, tag)
            urb.data = answer or b""
            self._end(urb, 0 if answer is not None else -errno.EPIPE, len(urb.data))
        elif urb.endpoint & 0x80:
            if data := self.packet(urb.room):
                urb.data = data
                self._end(urb, 0, len(data))
        else:
            urb.length += self.take(urb.data[urb.length :])
            if urb.length == len(urb.data):
                self._end(urb, 0, urb.length)

    def _end(self, urb: Urb, status: int, length: int) -> None:
        urb.client.pending.remove(urb)
        urb.status, urb.length = status, length
        urb.client.ended.append(urb)

    def discard(self, client: Client, address: int) -> bool:
        """End a transfer that is cancelled; false if it has ended."""
        for urb in client.pending:
            if urb.address == address:
                self._end(urb, -errno.ENOENT, urb.length)
                self._show_readiness()
                return True
        return False

    def _show_readiness(self) -> None:
        if self.gone:
            return
        with contextlib.suppress(BlockingIOError):
            while any(client.ended for client in self.clients):
                os.read(self._master, 65536)
            while not any(client.ended for client in self.clients):
                os.write(self._slave, bytes(4096))

    def pull(self) -> None:
        """Go."""
        with self.lock:
            self.gone = True
            for client in self.clients:
                for urb in list(client.pending):
                    self._end(urb, -errno.ESHUTDOWN, urb.length)
            os.close(self._slave)
            os.close(self._master)


class Bed:
    """The devices below one folder, and the thread that answers for them."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        for name in ("sys/bus/usb/devices", "sys/class", "dev/.node", "ioctl/dev/bus/usb/001"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        # What went wrong in a device, such as what no device would understand.
        self.faults: list[Exception] = []
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._devices: dict[Device, socket.socket] = {}
        self._thread = threading.Thread(target=self._serve, name="USB bed")
        self._thread.start()

    def plug(self, device: Device) -> None:
        """Let a device appear."""
        real = self.folder / f"sys/devices/pci0000:00/usb1/{device.location}"
        real.mkdir(parents=True)
        path = f"bus/usb/{device.bus:03}/{device.number:03}"
        for name, value in {
            "busnum": device.bus,
            "devnum": device.number,
            "idVendor": f"{device.vid:04x}",
            "idProduct": f"{device.pid:04x}",
            "serial": device.serial_number,
            "speed": 480,
            "bConfigurationValue": 1,
            "bDeviceClass": "00",
            "dev": f"189:{device.number - 1}",
            "uevent": f"DEVTYPE=usb_device\nDEVNAME=/dev/{path}\nBUSNUM={device.bus:03}\n"
            f"DEVNUM={device.number:03}\nMAJOR=189\nMINOR={device.number - 1}",
        }.items():
            (real / name).write_text(f"{value}\n", encoding="utf-8")
        (real / "descriptors").write_bytes(device.descriptors)
        (real / "subsystem").symlink_to("../../../../bus/usb")
        (self.folder / f"sys/bus/usb/devices/{device.location}").symlink_to(
            f"../../../devices/pci0000:00/usb1/{device.location}"
        )
        node = self.folder / "dev" / path
        node.parent.mkdir(parents=True, exist_ok=True)
        node.symlink_to(device.node)
        # Its own numbers, so that who has it open can be found.
        numbers = Path(device.node).stat().st_rdev
        (self.folder / "dev/.node" / path.replace("/", "_")).symlink_to(
            f"{os.major(numbers)}:{os.minor(numbers)}"
        )
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / "ioctl/dev" / path))
        listener.listen()
        self._devices[device] = listener
        self._selector.register(listener, selectors.EVENT_READ, (self._accept, device))
        self._wake.send(b"w")

    def unplug(self, device: Device) -> None:
        """Let a device vanish."""
        device.pull()
        path = f"bus/usb/{device.bus:03}/{device.number:03}"
        for name in (
            f"sys/bus/usb/devices/{device.location}",
            f"dev/{path}",
            f"dev/.node/{path.replace('/', '_')}",
            f"ioctl/dev/{path}",
        ):
            (self.folder / name).unlink()
        shutil.rmtree(self.folder / f"sys/devices/pci0000:00/usb1/{device.location}")
        listener = self._devices.pop(device)
        self._selector.unregister(listener)
        listener.close()

    def close(self) -> None:
        """End the thread; nobody may have a device open: who is not answered is aborted."""
        for device in list(self._devices):
            self.unplug(device)
        self._wake.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()
        assert self.faults == []

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    if not self._woken.recv(64):
                        return
                    continue
                action: Callable[..., None]
                action, *arguments = key.data
                action(*arguments)

    def _accept(self, device: Device) -> None:
        connection, _ = self._devices[device].accept()
        client = Client(connection)
        with device.lock:
            device.clients.append(client)
        self._selector.register(connection, selectors.EVENT_READ, (self._answer, device, client))

    def _answer(self, device: Device, client: Client) -> None:
        try:
            _, request, argument = MESSAGE.unpack(_receive(client.connection, MESSAGE.size))
            with device.lock:
                result = self._ioctl(device, client, request & 0xFF, argument)
            value, error = (result, 0) if result >= 0 else (-1, -result)
            client.connection.sendall(MESSAGE.pack(RETURN, value & (1 << 64) - 1, error))
        except OSError:
            # It has closed the node.
            with device.lock:
                device.clients.remove(client)
                if device.claimed_by is client:
                    device.claimed_by = None
            self._selector.unregister(client.connection)
            client.connection.close()

    def _ioctl(self, device: Device, client: Client, number: int, argument: int) -> int:
        """Answer in any case: the program waits, with its loop, until somebody does."""
        try:
            return _ioctl(device, client, number, argument)
        except OSError:
            raise
        except Exception as fault:  # noqa: BLE001 - told when the bed is closed
            self.faults.append(fault)
            return -errno.EPROTO


def _ioctl(device: Device, client: Client, number: int, argument: int) -> int:  # noqa: C901, PLR0911, PLR0912 - a table
    """Return what the kernel would, an error as a negative number."""
    if device.gone and number not in {REAP, REAP_NOW}:
        return -errno.ENODEV
    match number:
        case 26:  # GET_CAPABILITIES
            _write(client, argument, struct.pack("@I", CAPABILITIES))
        case 15 | 27:  # CLAIM, DISCONNECT_CLAIM
            if device.claimed_by not in {None, client}:
                return -errno.EBUSY
            device.claimed_by = client
        case 16:  # RELEASE
            device.claimed_by = None
        case 8:  # GET_DRIVER
            return -errno.ENODATA
        case 21:  # CLEAR_HALT
            device.restarted += struct.unpack("@I", _read(client, argument, 4))
        case 31:  # GET_SPEED
            return 3
        case 10:  # SUBMIT
            kind, endpoint, _, _, buffer, room, *_ = URB.unpack(_read(client, argument, URB.size))
            out = kind == CONTROL or not endpoint & 0x80
            data = _read(client, buffer, room) if out else b""
            client.pending.append(Urb(client, argument, kind, endpoint, buffer, room, data))
            device.progress()
        case 11:  # DISCARD
            return 0 if device.discard(client, argument) else -errno.EINVAL
        case 12 | 13:  # REAP, REAP_NOW
            if not client.ended:
                return -errno.ENODEV if device.gone else -errno.EAGAIN
            _reap(device, client, argument)
        case _:
            pass
    return 0


def _reap(device: Device, client: Client, argument: int) -> None:
    urb = client.ended.popleft()
    if urb.kind == CONTROL:
        _write(client, urb.buffer + 8, urb.data)
    elif urb.endpoint & 0x80:
        _write(client, urb.buffer, urb.data)
    _write(client, urb.address + 4, struct.pack("@i", urb.status))
    _write(client, urb.address + 28, struct.pack("@i", urb.length))
    _write(client, argument, struct.pack("@Q", urb.address))
    device.progress()


def _read(client: Client, address: int, count: int) -> bytes:
    if not count:
        return b""
    client.connection.sendall(MESSAGE.pack(READ, address, count))
    return _receive(client.connection, count)


def _write(client: Client, address: int, data: bytes) -> None:
    if data:
        client.connection.sendall(MESSAGE.pack(WRITE, address, len(data)) + data)


def _receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data


class Pipe(Device):
    """A device that passes bytes on, and keeps few."""

    room = 65536

    def __init__(self) -> None:
        super().__init__()
        self.heard = bytearray()

    def take(self, data: bytes) -> int:
        """Keep what there is room for."""
        taken = data[: max(self.room - len(self.heard), 0)]
        self.heard += taken
        return len(taken)


class Scope(Device):
    """A device that speaks USBTMC; ``core`` makes answers of messages."""

    interface_class = (0xFE, 3, 1)
    vid, pid = 0x1AB1, 0x04CE

    def __init__(self, core: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self.core = core
        self.silent = False
        self.deaf = False
        self.empty = False
        """Whether it answers with nothing what it has no answer to yet."""
        self.piece = 1 << 30
        """Bytes it sends for one request, at most."""
        self.room = 1 << 30
        """Bytes it keeps that nobody has taken out of what it has heard."""
        self.tag_lie = 0
        """What it adds to the tag of a request when it answers."""
        self.rest = b""
        """What has to be fetched from it before it is cleared."""
        self.knows_clear = True
        self.cleared = 0
        self.knows_abort = True
        self.aborted: list[str] = []
        self.says_ends = True
        """Whether it ever says that a message of its own has ended."""
        self.tags: list[int] = []
        self.messages: list[bytes] = []
        self.heard = bytearray()
        self.answer = bytearray()
        self._head = bytearray()
        self._body = self._padding = self._before = 0
        self._ends = False
        self._message = bytearray()
        self.wanted: tuple[int, int] | None = None

    def take(self, data: bytes) -> int:
        """Take bytes of messages and requests."""
        at = 0
        while not self.deaf and at < len(data) and (step := self._step(data[at:])):
            at += step
        return at

    def _step(self, data: bytes) -> int:
        if self._body:
            payload = data[: min(self._body, self.room - len(self.heard))]
            self._body -= len(payload)
            self._message += payload
            self.heard += payload
            if not self._body and self._ends:
                message = bytes(self._message)
                self._message.clear()
                self.messages.append(message)
                self.answer += self.core(message)
            return len(payload)
        if self._padding:
            self._padding -= 1
            return 1
        self._head += data[:1]
        if len(self._head) == 12:
            kind, tag, inverse, size, attributes = struct.unpack("<BBBxIBxxx", self._head)
            self._head.clear()
            assert tag ^ inverse == 0xFF
            # USBTMC 1.0, 3.3: while it is asked nothing else is to be sent.
            assert self.wanted is None
            self.tags.append(tag)
            if kind == 1:
                self._body, self._padding, self._ends = size, -size % 4, bool(attributes & 1)
                self._before = len(self._message)
            else:
                self.wanted = tag, size
        return 1

    def packet(self, room: int) -> bytes:
        """Answer the request, if there is one and something to say."""
        if not self.says and self.wanted and (self.answer or self.empty) and not self.silent:
            (tag, size), self.wanted = self.wanted, None
            part = b"" if self.empty else bytes(self.answer[: min(size, self.piece)])
            del self.answer[: len(part)]
            tag += self.tag_lie
            self.says += struct.pack("<BBBxIBxxx", 2, tag, 255 - tag, len(part), self.ends()) + part
            self.says += bytes(-len(part) % 4)
        return super().packet(room)

    def ends(self) -> bool:
        """Return whether its message ends with what it has just sent."""
        return self.says_ends and not self.answer

    def control(self, kind: int, request: int, tag: int) -> bytes | None:
        """Take back a transfer, or clear it, and say whether that is done."""
        match kind, request:
            case 0xA2, 1 if self.knows_abort:
                return bytes([self._forget_message(tag), tag])
            case 0xA2, 3 if self.knows_abort:
                return bytes([self._forget_request(tag), tag])
            case 0xA2, 2 | 4 if self.knows_abort:
                return (b"\2\1" if self.says else b"\1\0").ljust(8, b"\0")
            case 0xA1, 5 if self.knows_clear:
                for each in (self._head, self._message, self.answer, self.says):
                    each.clear()
                self._body = self._padding = 0
                self.wanted = None
                self.says += self.rest
                self.cleared += 1
                return b"\1"
            case 0xA1, 6:
                return b"\2\1" if self.says else b"\1\0"
            case _:
                return None

    def _forget_message(self, tag: int) -> int:
        """Forget a transfer of which a part has come; what came of its message before stays."""
        if not (self._head or self._body or self._padding) or tag not in {*self._head[1:2], *self.tags[-1:]}:
            return 0x80
        self._head.clear()
        del self._message[self._before :]
        self._body = self._padding = 0
        self.aborted.append("out")
        return 1

    def _forget_request(self, tag: int) -> int:
        """Forget that it was asked; what it was to answer with stays."""
        if not self.wanted or self.wanted[0] != tag:
            return 0x81 if self.says else 0x80
        self.wanted = None
        self.says += self.rest
        self.aborted.append("in")
        return 1
