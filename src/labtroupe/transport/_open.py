"""Opening a transport: the scheme table, the claim, and what is undone when it fails."""

from __future__ import annotations

import contextlib

from labtroupe.transport._address import Address
from labtroupe.transport._claims import claim
from labtroupe.transport._memory import MemoryAddress
from labtroupe.transport._process import ProcessAddress
from labtroupe.transport._serial import SerialAddress
from labtroupe.transport._sim import SimAddress
from labtroupe.transport._tcp import TcpAddress
from labtroupe.transport._transport import Transport
from labtroupe.transport._usb import UsbAddress

# The scheme table.  A new transport is a new module, and one line here.
Address.schemes.update(
    {
        "serial": SerialAddress,
        "tcp": TcpAddress,
        "usb": UsbAddress,
        "process": ProcessAddress,
        "sim": SimAddress,
        "memory": MemoryAddress,
    }
)


async def open_transport(address: Address, *, holder: str) -> Transport:
    """Open ``address`` for ``holder``; nothing is sent, and old input is dropped.

    On every way out but success, cancellation included, it is closed and its claim given up before
    the error reaches the caller.  Only if the operating system hangs in the attempt, a cancelled
    caller is let go after 0.25 s; the claim is then kept until the attempt has ended.

    Args:
        address: Where the device is.
        holder: The name that others are told when they want the same port.

    Raises:
        DeviceAbsent: There is nothing at the address, or nobody answers.
        PortInUse: Somebody holds it; the message names who.
        LinkError: It cannot be opened for another reason.
        ConfigError: What is at the address is no device of this kind.
    """
    resource = await address.find()
    with contextlib.ExitStack() as undo:
        undo.enter_context(claim(resource, holder))
        return await address.open(resource, undo)
