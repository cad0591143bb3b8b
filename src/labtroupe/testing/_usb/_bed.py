"""USB devices below a folder that programs take for ``/sys`` and ``/dev``, and who answers for them."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import selectors
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from labtroupe.testing._usb._client import Client
from labtroupe.testing._usb._device import UsbDevice
from labtroupe.testing._usb._usbfs import answer_ioctl

_CLOSE_LIMIT = 1.0
"""Seconds that programs get to close what they have open."""

_NUMBERS: Final = range(2, 128)
"""Of devices on a bus; the first is the bus itself."""

_BUS: Final = "sys/devices/pci0000:00/usb1"
"""Where the devices of a bus are."""

_LISTED: Final = "sys/bus/usb/devices"


@attrs.define(eq=False)
class Bed:
    """The devices of a machine, below a folder which umockdev's library takes for its ``/sys`` and ``/dev``.

    It answers from a thread, since the program that waits for an answer may be our own process.

    Attributes:
        folder: What ``UMOCKDEV_DIR`` has to name.
        mistakes: What went wrong in a device, such as what no device would understand.
    """

    folder: Path
    mistakes: list[Exception] = attrs.field(factory=list[Exception], init=False)
    _selector: selectors.BaseSelector = attrs.field(factory=selectors.DefaultSelector, init=False)
    _wake: socket.socket = attrs.field(init=False)
    _woken: socket.socket = attrs.field(init=False)
    # Read by its thread, which may be a moment behind.
    _listeners: dict[UsbDevice, socket.socket] = attrs.field(
        factory=dict[UsbDevice, socket.socket], init=False
    )
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.cycle(_NUMBERS), init=False)
    _locations: Iterator[int] = attrs.field(factory=lambda: itertools.count(1), init=False)
    _connected: int = attrs.field(default=0, init=False)
    _closing: bool = attrs.field(default=False, init=False)
    _thread: threading.Thread = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin to answer."""
        for name in (_LISTED, "sys/class", "dev/.node", "ioctl/dev"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, self._wake_up)
        # A process may end while somebody has a device open.
        self._thread = threading.Thread(target=self._serve, name="USB bed", daemon=True)
        self._thread.start()

    @property
    def devices(self) -> tuple[UsbDevice, ...]:
        """Those that are plugged in."""
        return tuple(self._listeners)

    def free_number(self) -> int:
        """Return a number that no device has, other than the last."""
        taken = {device.number for device in self._listeners}
        return next(number for number in self._numbers if number not in taken)

    def free_location(self) -> str:
        """Return a place that was never returned before."""
        return f"1-{next(self._locations)}"

    def plug(self, device: UsbDevice) -> None:
        """Let a device appear, which was never plugged in before."""
        real = self.folder / _BUS / device.location
        real.mkdir(parents=True)
        for name, value in _attributes(device).items():
            (real / name).write_text(f"{value}\n", encoding="utf-8")
        (real / "descriptors").write_bytes(device.descriptors)
        (real / "subsystem").symlink_to("../../../../bus/usb")
        sysfs, node, numbers, ioctls = self._names(device)
        for parent in (node.parent, ioctls.parent):
            parent.mkdir(parents=True, exist_ok=True)
        node.symlink_to(device.node)
        # Its own numbers, so that who has it open can be found.
        found = Path(device.node).stat().st_rdev
        numbers.symlink_to(f"{os.major(found)}:{os.minor(found)}")
        listener = self._listeners[device] = socket.socket(socket.AF_UNIX)
        listener.bind(str(ioctls))
        listener.listen()
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(device, listener))
        # Last: now it is found.
        sysfs.symlink_to(f"../../../devices/pci0000:00/usb1/{device.location}")
        self._wake.send(b"w")

    def unplug(self, device: UsbDevice) -> None:
        """Let a device vanish, for good."""
        device.pull()
        for name in self._names(device):
            name.unlink()
        shutil.rmtree(self.folder / _BUS / device.location)
        listener = self._listeners.pop(device)
        self._selector.unregister(listener)
        listener.close()

    def close(self) -> None:
        """Unplug all, and end the thread as soon as nobody has a device open.

        Raises:
            ExceptionGroup: What went wrong in a device.
        """
        for device in self.devices:
            self.unplug(device)
        self._closing = True
        self._wake.send(b"c")
        # Who still has one open is answered for: umockdev would end the program.
        self._thread.join(_CLOSE_LIMIT)
        if self.mistakes:
            raise ExceptionGroup("USB devices have failed", self.mistakes)

    def _names(self, device: UsbDevice) -> tuple[Path, Path, Path, Path]:
        """Return where a device is listed, its node, the numbers of that, and where its ioctls go."""
        path = f"bus/usb/{device.bus:03}/{device.number:03}"
        return (
            self.folder / _LISTED / device.location,
            self.folder / "dev" / path,
            self.folder / "dev/.node" / path.replace("/", "_"),
            self.folder / "ioctl/dev" / path,
        )

    def _serve(self) -> None:
        try:
            while self._connected or not self._closing:
                for key, _ in self._selector.select():
                    act: Callable[[], None] = key.data
                    act()
        finally:
            self._selector.close()
            self._wake.close()
            self._woken.close()

    def _wake_up(self) -> None:
        self._woken.recv(64)

    def _accept(self, device: UsbDevice, listener: socket.socket) -> None:
        # It may have been unplugged since it was looked at.
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            client = Client(connection)
            with device.lock:
                device.clients.append(client)
            self._connected += 1
            self._selector.register(connection, selectors.EVENT_READ, lambda: self._answer(device, client))

    def _answer(self, device: UsbDevice, client: Client) -> None:
        try:
            number, argument = client.next_ioctl()
            with device.lock:
                result = self._result(device, client, number, argument)
            client.reply(result)
        except OSError:
            # It has closed the node.
            device.leave(client)
            self._selector.unregister(client.connection)
            client.connection.close()
            self._connected -= 1

    def _result(self, device: UsbDevice, client: Client, number: int, argument: int) -> int:
        """Answer in any case: the program waits, with its loop, until somebody does."""
        try:
            return answer_ioctl(device, client, number, argument)
        except OSError:
            raise
        except Exception as mistake:  # noqa: BLE001 - told when the bed is closed
            self.mistakes.append(mistake)
            return -errno.EPROTO


def _attributes(device: UsbDevice) -> dict[str, object]:
    """Return what Linux says of a device, by the name of the file."""
    return {
        "busnum": device.bus,
        "devnum": device.number,
        "idVendor": f"{device.vid:04x}",
        "idProduct": f"{device.pid:04x}",
        "serial": device.serial_number,
        "speed": 480,
        "bConfigurationValue": 1,
        "bDeviceClass": "00",
        "dev": f"189:{device.number - 1}",
        "uevent": f"DEVTYPE=usb_device\nDEVNAME=/dev/bus/usb/{device.bus:03}/{device.number:03}\n"
        f"BUSNUM={device.bus:03}\nDEVNUM={device.number:03}\nMAJOR=189\nMINOR={device.number - 1}",
    }
