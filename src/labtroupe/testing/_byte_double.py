"""A device of a test's own behind a port: in memory, where time costs nothing, or one of the system's."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from labtroupe.actor import ActorRef
from labtroupe.escape import Escape
from labtroupe.instrument import Instrument
from labtroupe.simulation import Cable, Fault, Rack, Script, ScriptBroken, SimulatedDevice, Tape, Via
from labtroupe.supervision import ChildSpec, Supervisor
from labtroupe.transport import Address, Transport, open_transport

__all__ = ["ByteDouble", "Script", "ScriptBroken", "Tape", "byte_double"]

DeviceT = TypeVar("DeviceT", bound=SimulatedDevice)
InstrumentT = TypeVar("InstrumentT", bound=Instrument)

_NAME = "double"

_ON_THE_WAY: Final = 0.01
"""Seconds in which what was said last gets through the operating system, or it would count as not said."""

_PATIENCE: Final = 1.0
"""Seconds after which this is so where something else in the test never rests."""

DoubleVia = Via | Literal["usb", "usbtmc"]
"""The kinds of ports that a double may be behind.

In memory it works on any clock, so that under trio's `MockClock` no test waits.  The others are the operating
system's, as those of real devices are: a pseudo-terminal, a network's, two bulk endpoints, and USBTMC.
Those on USB need a process that was started under umockdev, as by ``umockdev-wrapper pytest``.
"""


@attrs.frozen
class ByteDouble(Generic[DeviceT]):
    """A device that is there, and can fail.

    Attributes:
        device: What speaks, in whatever state it is.
        address: Where it can be opened, as an instrument's address; the same until the end.
    """

    device: DeviceT
    address: str
    _rack: Rack

    def inject(self, fault: str, *arguments: str | float) -> None:
        """Begin or end a fault of the fault menu; on return it has taken effect.

        Args:
            fault: What is to go wrong, such as ``"late"``.
            arguments: What it takes, such as ``"300ms"`` or ``0.3``, and ``"times=1"``.

        Raises:
            ArgumentError: There is no such fault, or it takes other values.
            CommandError: The device has crashed, or its script was broken.
        """
        self._rack.inject(_NAME, fault, *map(str, arguments))

    def say(self, data: bytes) -> None:
        """Have the device say something by itself, unasked, after all that it is to say already."""
        self._rack.say(_NAME, data)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that are on, or wait for their moment."""
        return self._rack.faults(_NAME)

    async def open(self, *, holder: str = "test") -> Transport:
        """Open it, as an instrument does; to be closed by the caller.

        Raises:
            LinkError: It cannot be opened, as a fault may have it.
        """
        return await open_transport(Address.parse(self.address), holder=holder)

    @asynccontextmanager
    async def instrument(
        self, kind: type[InstrumentT], **settings: object
    ) -> AsyncGenerator[ActorRef[InstrumentT]]:
        """Run an instrument whose device this is, under a supervisor, for as long as the body lasts.

        What the body raises comes out as it is, in no group.

        Args:
            kind: Its class.
            settings: Its settings, as in a bench's file.
        """
        connect = partial(open_transport, Address.parse(self.address), holder=_NAME)
        link = kind.link_to(self.address, connect)

        def make() -> InstrumentT:
            nonlocal link
            link = link.successor()
            return kind(link=link, **settings)

        supervisor = Supervisor([ChildSpec(name=_NAME, factory=make, actor_type=kind)])
        escape = Escape()
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            with escape.carry():
                yield supervisor.ref(_NAME, kind)
            nursery.cancel_scope.cancel("the body has ended")
        escape.release()


@asynccontextmanager
async def byte_double(device: DeviceT, *, via: DoubleVia = "memory") -> AsyncGenerator[ByteDouble[DeviceT]]:
    """Put a device behind a port for as long as the body lasts.

    Args:
        device: What speaks: a `Script`, a `Tape`, or a simulated device of your own.
        via: What kind of port it is behind: in memory, where any clock will do, or one of the
            system's.  ``"usb"`` is two bulk endpoints; it and ``"usbtmc"`` need umockdev.

    Raises:
        ScriptBroken: Something else was said to the device than its script has, or, at the end of a
            body that has not failed, less.  It takes the place of what the body raised because of it.
            A body that has failed by itself says in a note what its script still waited for.
        ConfigError: It is to be behind USB, and the process is not under umockdev.
        TypeError: It is no device, but for example the class of one.
        Exception: What else the device has raised.
    """
    _check(device)
    crashes: list[Exception] = []
    with tempfile.TemporaryDirectory(prefix="labtroupe-") as directory, _cable(via) as cable:
        try:
            async with Rack(
                Path(directory), on_crash=lambda _, error: crashes.append(error)
            ).running() as rack:
                yield ByteDouble(device, rack.add(_NAME, device, via=cable), rack)
                await _wait_heard(via)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        # Also a cancellation, and what pytest fails with, which are none of `Exception`.
        except BaseException as error:
            if crashes:
                raise crashes[0] from error
            if rest := _rest(device):
                error.add_note(f"It may be the reason: {rest}")
            raise
    if problem := next(iter(crashes), _rest(device)):
        raise problem


def _check(device: object) -> None:
    if not isinstance(device, SimulatedDevice):
        raise TypeError(f"{device!r} is no simulated device; make one, by calling its class")


async def _wait_heard(via: DoubleVia) -> None:
    if via != "memory":
        with trio.move_on_after(_PATIENCE):
            await wait_all_tasks_blocked(_ON_THE_WAY)


def _rest(device: SimulatedDevice) -> Exception | None:
    """Return what is still expected by a device that follows a script."""
    try:
        if isinstance(device, Script):
            device.check_done()
    except ScriptBroken as rest:
        return rest
    return None


@contextmanager
def _cable(via: DoubleVia) -> Generator[Via | Cable]:
    """Return what a rack takes; the devices of a bed are there until its cable was pulled."""
    if via == "usb" or via == "usbtmc":  # noqa: PLR1714 - or it is not seen what else it may be
        # For those alone who ask for it.
        from labtroupe.testing._usb import UsbCable, usb_bed  # noqa: PLC0415

        with usb_bed() as bed:
            yield UsbCable(bed, usbtmc=via == "usbtmc")
    else:
        yield via
