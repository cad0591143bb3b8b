"""The simulated devices of a bench, each behind a port of its own that any program can open."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import quote

import attrs
import trio

from labtroupe.errors import BenchError, CommandError, sentence
from labtroupe.escape import Escape
from labtroupe.simulation._cable import Cable
from labtroupe.simulation._device import SimulatedDevice
from labtroupe.simulation._memory_cable import MemoryCable
from labtroupe.simulation._menu import Fault
from labtroupe.simulation._pty_cable import PtyCable
from labtroupe.simulation._script import ScriptBroken
from labtroupe.simulation._slot import Slot
from labtroupe.simulation._tcp_cable import TcpCable

Via = Literal["pty", "tcp", "memory"]
"""The kinds of ports that a simulated device may have."""

# So that two devices may have the same name in two racks.
_numbers: Final = itertools.count(1)


@attrs.define(eq=False)
class Rack:
    """Simulated devices that go on whatever becomes of the instruments that talk with them.

    ::

        async with Rack(directory, on_crash=report).running() as rack:
            address = rack.add("heater", make_device("linkam-t95"))
            rack.inject("heater", "unplug", "5s")

    Attributes:
        directory: Where the symlinks to serial ports are put, one per device and of its
            name; made if it is missing.
        on_crash: Told the name of a device and what it raised.  Its port is closed by then,
            for good; the others go on.
    """

    directory: Path
    on_crash: Callable[[str, Exception], None] = attrs.field(kw_only=True)
    _slots: dict[str, Slot] = attrs.field(factory=dict[str, Slot], init=False)
    # Those that are on a bus: its name, and their address.
    _units: dict[str, tuple[str, int]] = attrs.field(factory=dict[str, tuple[str, int]], init=False)
    _crashes: dict[str, Exception] = attrs.field(factory=dict[str, Exception], init=False)
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[Rack]:
        """Keep the devices alive in the body, also while it is being cancelled.

        What the body raises comes out as it is, in no group.

        Raises:
            BenchError: The directory cannot be made.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BenchError(
                f"there is no place for simulated ports: {error}", remedy="Use another directory."
            ) from error
        escape = Escape()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                with escape.carry():
                    yield self
            finally:
                self._nursery = None
                while self._slots:
                    self._slots.popitem()[1].power.cancel()
        escape.release()

    def add(self, name: str, device: SimulatedDevice, *, via: Via | Cable = "pty") -> str:
        """Put a device into the rack, with its cable plugged in.

        Args:
            name: How it is called from now on, usually as its instrument is.
            device: What speaks there.
            via: The kind of port: serial, a network's, or one that only this process can open; or a
                cable of your own, which the rack plugs in, and closes.

        Returns:
            The address of its port, which stays the same until the rack ends.

        Raises:
            BenchError: The system gave no port.
        """
        if self._nursery is None or name in self._slots:
            raise RuntimeError(f"cannot add {name}: the rack is not running, or has one of this name")
        try:
            cable = self._plugged_cable(name, via)
        except OSError as error:
            raise BenchError(
                f"there is no port for the simulated {name}: {error}",
                remedy=f"Look at {self.directory} and `ulimit -n`.",
            ) from error
        slot = self._slots[name] = Slot(device, cable)
        self._nursery.start_soon(self._keep, name, slot, name=f"simulated {name}")
        return cable.address

    def add_unit(self, name: str, bus: str, unit: int) -> None:
        """Let a device on a simulated bus be known by a name of its own, so that it can have faults.

        Args:
            name: How it is called from now on.
            bus: What the bus was added as.
            unit: Its address.
        """
        self._units[name] = (bus, unit)

    def inject(self, name: str, fault: str, *arguments: str) -> None:
        """Begin or end a fault of one device; on return it has taken effect.

        Args:
            name: The device, as it was added; if it is a bus, the fault is that of all devices on it.
            fault: What is to go wrong, one of ``FAULTS``.
            arguments: Durations such as ``"5s"``, as the fault's ``usage`` says.

        Raises:
            CommandError: There is no such device here, or it has crashed.
            ArgumentError: There is no such fault, or it takes other values.
        """
        slot, unit = self._slot(name)
        if crash := self.why_crashed(name):
            raise _refusal(
                name,
                f"the simulated device has crashed: {crash}",
                "Correct its code, then start the bench again.",
            )
        slot.inject(fault, arguments, unit)

    def say(self, name: str, data: bytes) -> None:
        """Have one device say something by itself, after all that it is to say already.

        Raises:
            CommandError: There is no such device here.
        """
        slot, _ = self._slot(name)
        slot.say(data)

    def why_crashed(self, name: str) -> str:
        """Return what a device has crashed with, and where in its code; empty if it has not."""
        port, _ = self._units.get(name, (name, None))
        crash = self._crashes.get(port)
        if crash is None:
            return ""
        # That a script is broken is no fault in its code.
        return sentence(crash, None if isinstance(crash, ScriptBroken) else type(self._slots[port].device))

    def faults(self, name: str) -> tuple[Fault, ...]:
        """Return the faults of one device that are on now.

        Raises:
            CommandError: There is no such device here.
        """
        slot, unit = self._slot(name)
        return slot.faults(unit)

    def _plugged_cable(self, name: str, via: Via | Cable) -> Cable:
        with contextlib.ExitStack() as undo:
            cable = via if isinstance(via, Cable) else self._cable(name, via)
            undo.callback(cable.close)
            cable.plug()
            undo.pop_all()
            return cable

    def _cable(self, name: str, via: Via) -> Cable:
        match via:
            case "pty":
                return PtyCable(self.directory / quote(name, safe=""))
            case "tcp":
                return TcpCable()
            case "memory":
                return MemoryCable(f"{name}-{next(_numbers)}")

    def _slot(self, name: str) -> tuple[Slot, int | None]:
        """Return where a device is, and its address if it is one of several there."""
        port, unit = self._units.get(name, (name, None))
        if port not in self._slots:
            raise _refusal(
                name,
                "it is not simulated",
                "Faults are for instruments with a `sim:` address; pull its real cable.",
            )
        return self._slots[port], unit

    async def _keep(self, name: str, slot: Slot) -> None:
        """Run one device; the boundary that its exceptions do not pass."""
        try:
            await slot.run()
        except* Exception as group:  # noqa: BLE001 - whatever a device raises is its own bug
            self._crashes[name] = _first(group)
            self.on_crash(name, self._crashes[name])


def _refusal(name: str, message: str, remedy: str) -> CommandError:
    error = CommandError(message, remedy=remedy)
    error.instrument = name
    return error


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Return the exception inside all the groups; a device has one task that can fail."""
    inner = group.exceptions[0]
    # Cast, since a type checker cannot see what a group found inside a group holds.
    return _first(cast("ExceptionGroup[Exception]", inner)) if isinstance(inner, ExceptionGroup) else inner
