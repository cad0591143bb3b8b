"""USB devices: those that speak USBTMC, and plain bytes over bulk endpoints."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import attrs
import trio

from labtroupe.errors import ConfigError, DeviceAbsent, LabtroupeError, LinkError, PortInUse
from labtroupe.ports import Identity, Plugged, Port, holders_of, usable, usb_descriptors, usb_devices
from labtroupe.transport._address import Address
from labtroupe.transport._identities import LOCATION, NUMBER, nobody, only_path
from labtroupe.transport._libusb import claim_interface, open_device
from labtroupe.transport._options import option
from labtroupe.transport._threads import call_in_thread
from labtroupe.transport._transport import Transport
from labtroupe.transport._usb_bulk import BulkTransport
from labtroupe.transport._usb_descriptors import BulkInterface, bulk_interfaces
from labtroupe.transport._usb_handle import Handle
from labtroupe.transport._usbtmc import UsbtmcTransport

_PLACE = re.compile(r"//(?P<vid>[0-9a-f]{4}):(?P<pid>[0-9a-f]{4})(?:/(?P<serial_number>.+))?")

_GREETING_LIMIT = 2.0
"""Seconds that a device gets to begin anew when it is opened."""


@attrs.frozen
class UsbAddress(Address):
    """A USB device by who it is: ``usb://1ab1:0e11/DS1ZA1``; it is looked up at each open."""

    scheme: ClassVar[str] = "usb"
    example: ClassVar[str] = "usb://1ab1:0e11/DS1ZA1"

    vid: str
    pid: str
    serial_number: str = ""
    location: str = option("", LOCATION)
    interface: str = option("", NUMBER)
    raw: bool = option(default=False, allowed=(False, True))
    """Bytes over its bulk endpoints as they are, instead of USBTMC."""

    @classmethod
    def at(cls, place: str) -> Self:
        """Return the device ``//vid:pid/serial-number``; see `Address.at`."""
        found = _PLACE.fullmatch(place)
        if not found:
            raise ValueError(f"{place!r} is no //vid:pid/serial-number; the ids have four hexadecimal digits")
        return cls(found["vid"], found["pid"], found["serial_number"] or "")

    @property
    def place(self) -> str:
        """Its ids and its serial number."""
        return f"//{self.vid}:{self.pid}" + (f"/{self.serial_number}" if self.serial_number else "")

    def resource(self) -> str:
        """Return the device node, and the interface if one is named; if there is none, who is sought."""
        who = attrs.evolve(self, raw=False, interface="")
        path = only_path(self._matching(), str(who))
        return f"{path}#{self.interface}" if self.interface else path

    async def find(self) -> str:
        """See `Address.find`."""
        return await call_in_thread(lambda _: self.resource(), contextlib.ExitStack())

    async def open(self, resource: str, undo: contextlib.ExitStack) -> Transport:
        """Open the device and take possession of its interface; see `Address.open`.

        Raises:
            DeviceAbsent: No such device, or it does not answer.
            PortInUse: Another program holds it; the message names the program.
            LinkError: We may not, or it failed.
            ConfigError: It has no such interface, or what opens it is not installed.
        """
        path = resource.partition("#")[0]
        found = [device for device in self._matching() if device.path == path]
        if not found:
            raise nobody(str(self), self._matching())
        handle, interface = await call_in_thread(lambda mine: _open(self, found[0], mine), undo)
        kind = BulkTransport if self.raw else UsbtmcTransport
        transport = kind(self, handle, interface, undo.pop_all())
        handle.start()
        await _greet(transport)
        return transport

    def is_there(self, plugged: Plugged) -> bool:
        """See `Address.is_there`."""
        return usable(plugged.usb, self.identity)

    @property
    def identity(self) -> Identity:
        """Who is to be there."""
        return Identity(self.vid, self.pid, self.serial_number, self.location)

    def _matching(self) -> Sequence[Port]:
        return [device for device in usb_devices() if self.identity.matches(device.identity)]


async def _greet(transport: BulkTransport | UsbtmcTransport) -> None:
    """Let the device forget what it was asked before; on every way out but success, close it."""
    try:
        with trio.fail_after(_GREETING_LIMIT):
            await transport.greet()
    except trio.TooSlowError as error:
        await transport.aclose()
        raise DeviceAbsent(f"{transport.address}: no answer within {_GREETING_LIMIT:g} s") from error
    except BaseException:
        await transport.aclose()
        raise


def _open(address: UsbAddress, device: Port, undo: contextlib.ExitStack) -> tuple[Handle, BulkInterface]:
    interface = _choose(address, *usb_descriptors(device))
    bus, number = map(int, Path(device.path).parts[-2:])
    try:
        lib, context, opened = open_device(bus, number, undo)
        claim_interface(lib, opened, interface.number, undo)
    except OSError as error:
        raise _refusal(address, device.path, str(error)) from error
    return Handle(lib, context, opened), interface


def _choose(address: UsbAddress, descriptors: bytes, configuration: int) -> BulkInterface:
    """Return the interface that is meant."""
    there = bulk_interfaces(descriptors, configuration)
    wanted = [each for each in there if address.raw or each.usbtmc]
    named = [each for each in wanted if address.interface in {"", str(each.number)}]
    if named:
        return named[0]
    what = "bulk endpoints" if address.raw else "USBTMC"
    which = f"its interface {address.interface} has" if address.interface else "it has"
    raise ConfigError(
        f"{address}: {which} no {what}",
        remedy="Plain bytes are sent with the option raw=1."
        if there and not wanted
        else "Use another of its interfaces.",
    )


def _refusal(address: UsbAddress, path: str, what: str) -> LabtroupeError:
    """Return our error for one of libusb's."""
    match what:
        case "LIBUSB_ERROR_NO_DEVICE" | "LIBUSB_ERROR_NOT_FOUND" | "LIBUSB_ERROR_IO":
            return DeviceAbsent(f"{address}: no such device")
        case "LIBUSB_ERROR_BUSY":
            others = [str(holder) for holder in holders_of(path) if holder.pid != os.getpid()]
            holders = " and ".join(others) or "this process, or one that this user may not look into"
            return PortInUse(f"{path} is held by {holders}")
        case "LIBUSB_ERROR_ACCESS":
            return LinkError(
                f"{path} may not be opened by this user",
                remedy="Allow it with a udev rule: "
                f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{address.vid}", MODE="0660", TAG+="uaccess".',
            )
        case _:
            return LinkError(f"{address}: cannot open {path} ({what})")
