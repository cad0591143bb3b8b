"""Serial ports: opened and configured by pyserial, read and written by us."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import attrs
import serial

from labtroupe.errors import ConfigError, DeviceAbsent, LabtroupeError, LinkError, PortInUse
from labtroupe.ports import Identity, Plugged, Port, holders_of, is_usable, serial_ports, usable
from labtroupe.transport._address import Address
from labtroupe.transport._descriptor import DescriptorTransport, unsent
from labtroupe.transport._identities import ANY, HEX, LOCATION, NUMBER, nobody, only_path
from labtroupe.transport._options import option
from labtroupe.transport._threads import call_in_thread
from labtroupe.transport._transport import Transport

_ABSENT = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO})
_IN_USE = frozenset({errno.EBUSY, errno.EAGAIN})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_NO_PORT = frozenset({errno.ENOTTY, errno.EISDIR})


@attrs.frozen
class SerialAddress(Address):
    """A serial port by its path, or by who is there: ``serial:?serial_number=A6004byf&baudrate=19200``.

    The options of the second kind are those of `Identity`; they are looked up at each open.
    """

    scheme: ClassVar[str] = "serial"
    example: ClassVar[str] = "serial:/dev/ttyUSB0?baudrate=19200"

    path: str
    vid: str = option("", HEX)
    pid: str = option("", HEX)
    serial_number: str = option("", ANY)
    location: str = option("", LOCATION)
    interface: str = option("", NUMBER)
    baudrate: int = option(9600, range(50, 12_000_001))
    """Bits per second; what else the port cannot do, it says when opened."""
    bytesize: int = option(8, (5, 6, 7, 8))
    """Data bits."""
    parity: str = option("N", ("N", "E", "O", "M", "S"))
    """None, even, odd, mark or space."""
    stopbits: float = option(1, (1, 1.5, 2))
    rtscts: bool = option(default=False, allowed=(False, True))
    """Flow control by the RTS and CTS lines."""
    xonxoff: bool = option(default=False, allowed=(False, True))
    """Flow control by the bytes XON and XOFF, which then cannot be data."""

    @classmethod
    def at(cls, place: str) -> Self:
        """Return the port at a path, which may have ``//`` before it; see `Address.at`."""
        path = place.removeprefix("//")
        if path and not path.startswith("/"):
            raise ValueError(f"{path!r} is no absolute path of a port")
        return cls(path)

    def with_options(self, options: Mapping[str, str]) -> Self:
        """Return this address with ``options``; see `Address.with_options`."""
        address = super().with_options(options)
        if bool(address.path) == (address.identity != Identity()):
            raise ValueError("it needs either the path of a port or options that say who is there")
        return address

    @property
    def place(self) -> str:
        """The path; nothing where the identity says it."""
        return self.path

    @property
    def identity(self) -> Identity:
        """Who is to be there; all empty where the path says it."""
        return Identity(self.vid, self.pid, self.serial_number, self.location, self.interface)

    def resource(self) -> str:
        """Return the device node, which may have several names; where there is none, who is sought."""
        if self.path:
            return os.path.realpath(self.path)
        try:
            found = self._matching()
        except LinkError:
            # Whoever opens it is told.
            found = ()
        return only_path(found, str(attrs.evolve(type(self)(""), **attrs.asdict(self.identity))))

    async def find(self) -> str:
        """See `Address.find`."""
        if self.path:
            return self.resource()
        return await call_in_thread(lambda _: self.resource(), contextlib.ExitStack())

    def is_there(self, plugged: Plugged) -> bool:
        """See `Address.is_there`."""
        return is_usable(self.path) if self.path else usable(plugged.serial, self.identity)

    def _matching(self) -> Sequence[Port]:
        return [port for port in serial_ports() if self.identity.matches(port.identity)]

    async def open(self, resource: str, undo: contextlib.ExitStack) -> Transport:
        """Open and configure the port; see `Address.open`.

        Raises:
            DeviceAbsent: No such device.
            PortInUse: Another program holds it; the message names the program.
            LinkError: We may not, or it failed.
            ConfigError: It is no serial port, or cannot do what the options say.
        """
        if not resource.startswith("/"):
            raise nobody(str(self), self._matching())
        # What is opened is what was claimed: by now a link may lead elsewhere.
        fd = await call_in_thread(lambda mine: _open_port(self, resource, mine), undo)
        return DescriptorTransport(self, fd, undo.pop_all(), "the device is gone")


def _open_port(address: SerialAddress, path: str, undo: contextlib.ExitStack) -> int:
    """Return a descriptor of the port, configured, locked, with its input flushed."""
    port = serial.Serial(
        baudrate=address.baudrate,
        bytesize=address.bytesize,
        parity=address.parity,
        stopbits=address.stopbits,
        rtscts=address.rtscts,
        xonxoff=address.xonxoff,
        exclusive=True,
        # Sets VMIN to 1, so that an empty read means "gone" and not "nothing yet".
        inter_byte_timeout=0,
    )
    port.port = path
    try:
        port.open()
        # A descriptor of our own, without the four that pyserial holds beside it.
        with contextlib.closing(port):
            fd = os.dup(port.fileno())
        undo.callback(_close_port, fd)
        # The lock keeps out those who ask for it, this those who do not; root passes it.
        fcntl.ioctl(fd, termios.TIOCEXCL)
    except (OSError, termios.error, ValueError) as error:
        raise _refusal(address, path, error) from error
    return fd


def _close_port(fd: int) -> None:
    # What fails here fails because the device is gone, and then there is nothing to undo.
    with contextlib.suppress(OSError, termios.error):
        # Closing would wait up to 30 s until the device takes the rest (`closing_wait`).  Not if there
        # is none: on a pseudo-terminal this drops what has arrived at the other side.
        if unsent(fd):
            termios.tcflush(fd, termios.TCOFLUSH)
        fcntl.ioctl(fd, termios.TIOCNXCL)
    with contextlib.suppress(OSError):
        os.close(fd)


def _refusal(address: SerialAddress, path: str, error: Exception) -> LabtroupeError:
    """Return our error for one of pyserial's."""
    number = _errno(error)
    if number in _ABSENT:
        return DeviceAbsent(f"{address}: no such device")
    if number in _IN_USE:
        holders = " and ".join(map(str, holders_of(path))) or "a process that this user may not look into"
        return PortInUse(f"{path} is held by {holders}")
    if number in _FORBIDDEN:
        return LinkError(
            f"{path} may not be opened by this user",
            remedy=f"Join the group that may: `sudo usermod -aG {_group(path)} $USER`, then log in again.",
        )
    if number in _NO_PORT:
        return ConfigError(f"{path} is no serial port", remedy="`labtroupe ports` lists those there are.")
    if isinstance(error, ValueError):
        return ConfigError(f"{address}: the port cannot do this ({error})", remedy="Correct its options.")
    return LinkError(f"{address}: cannot open {path} ({error})")


def _errno(error: Exception) -> int | None:
    # termios.error is no OSError, and where pyserial translates one, it leaves the number behind.
    arguments = [cause.args[:1] for cause in (error, error.__context__) if cause]
    return next((number for number, *_ in arguments if isinstance(number, int)), None)


def _group(path: str) -> str:
    """Return the group that may open the port; if that is no help, the one that most systems have for it."""
    try:
        group = Path(path).group()
    except (OSError, KeyError):
        group = "root"
    # Nobody is to join that one; right after plugging in, everything is root's.
    return "dialout" if group == "root" else group
