"""What a program asks of a USB device's node, answered as Linux does.

The ioctls are those of ``linux/usbdevice_fs.h``; what they return is in ``drivers/usb/core/devio.c``.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from labtroupe.testing._usb._client import Client, Urb
from labtroupe.testing._usb._device import UsbDevice

_URB: Final = struct.Struct("@BBxxiIxxxxQiiiiiIQ")
"""``struct usbdevfs_urb``."""

_STATUS_AT, _LENGTH_AT = 4, 28
"""Where in it the result is."""

_CONTROL, _SETUP_SIZE = 2, 8
_IN = 0x80

_CAPABILITIES = 0x01 | 0x04 | 0x10
"""Zero packets, no limit to the size of a packet, and fetching after the plug was pulled."""

_HIGH_SPEED = 3

_REAP, _REAP_NOW = 12, 13


def answer_ioctl(device: UsbDevice, client: Client, number: int, argument: int) -> int:
    """Return what the kernel would, an error as a negative number; what it knows nothing of is done.

    Raises:
        OSError: The program has gone meanwhile.
    """
    if device.gone and number not in {_REAP, _REAP_NOW}:
        return -errno.ENODEV
    return _ANSWERS.get(number, _nothing)(device, client, argument)


def _nothing(_device: UsbDevice, _client: Client, _argument: int) -> int:
    return 0


def _get_driver(_device: UsbDevice, _client: Client, _argument: int) -> int:
    return -errno.ENODATA


def _submit(device: UsbDevice, client: Client, argument: int) -> int:
    kind, endpoint, _, _, buffer, room, *_ = _URB.unpack(client.read(argument, _URB.size))
    out = kind == _CONTROL or not endpoint & _IN
    data = client.read(buffer, room) if out else b""
    device.begin(Urb(client, argument, kind, endpoint, buffer, room, data))
    return 0


def _discard(device: UsbDevice, client: Client, argument: int) -> int:
    return 0 if device.discard(client, argument) else -errno.EINVAL


def _reap(device: UsbDevice, client: Client, argument: int) -> int:
    if not client.ended:
        # The system may have made room in the node since it was filled.
        device.show_readiness()
        return -errno.ENODEV if device.gone else -errno.EAGAIN
    urb = client.ended.popleft()
    if urb.kind == _CONTROL:
        client.write(urb.buffer + _SETUP_SIZE, urb.data)
    elif urb.endpoint & _IN:
        client.write(urb.buffer, urb.data)
    client.write(urb.address + _STATUS_AT, struct.pack("@i", urb.status))
    client.write(urb.address + _LENGTH_AT, struct.pack("@i", urb.length))
    client.write(argument, struct.pack("@Q", urb.address))
    device.progress()
    return 0


def _claim(device: UsbDevice, client: Client, _argument: int) -> int:
    if device.refused or device.claimed_by not in {None, client}:
        return -errno.EBUSY
    device.claimed_by = client
    return 0


def _release(device: UsbDevice, client: Client, _argument: int) -> int:
    if device.claimed_by is client:
        device.claimed_by = None
    return 0


def _clear_halt(device: UsbDevice, client: Client, argument: int) -> int:
    device.restarted += struct.unpack("@I", client.read(argument, 4))
    return 0


def _get_capabilities(_device: UsbDevice, client: Client, argument: int) -> int:
    client.write(argument, struct.pack("@I", _CAPABILITIES))
    return 0


def _get_speed(_device: UsbDevice, _client: Client, _argument: int) -> int:
    return _HIGH_SPEED


_ANSWERS: Final[Mapping[int, Callable[[UsbDevice, Client, int], int]]] = MappingProxyType(
    {
        8: _get_driver,
        10: _submit,
        11: _discard,
        _REAP: _reap,
        _REAP_NOW: _reap,
        15: _claim,
        16: _release,
        21: _clear_halt,
        26: _get_capabilities,
        # After the driver that holds it was told to go; there is none.
        27: _claim,
        31: _get_speed,
    }
)
"""By the number of the ioctl."""
