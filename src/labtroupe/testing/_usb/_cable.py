"""A USB cable to a simulated device: a device of the bed's hears and says what the simulated one does."""

from __future__ import annotations

import contextlib
import itertools
from typing import Final

import attrs
import trio

from labtroupe.simulation import Cable, Hear
from labtroupe.testing._usb._bed import Bed
from labtroupe.testing._usb._device import PID, VID, UsbDevice
from labtroupe.testing._usb._pipe import Pipe
from labtroupe.testing._usb._scope import Request, Scope

_ROOM = 4096
"""Bytes that are kept on the way, in each direction: those of a small instrument."""

# So that each is found by its own.
_serial_numbers: Final = itertools.count(1)


@attrs.define(eq=False)
class _Scope(Scope):
    """One whose messages are heard while they come."""

    def control(self, kind: int, request: int, tag: int) -> bytes | None:
        """Take no half transfer back: a part of it was heard, and only a clear makes that forgotten."""
        if kind << 8 | request == Request.ABORT_OUT:
            return None
        return super().control(kind, request, tag)

    def clear(self) -> None:
        """Forget also what was not heard."""
        super().clear()
        self.heard.clear()


@attrs.define(eq=False)
class UsbCable(Cable):
    """A cable to ``usb://VID:PID/SERIAL``, which programs under umockdev can open.

    The bed's thread keeps what comes until trio's has heard it, and the other way round.
    A cable that is put in again is another device to the system, with the same serial number.

    Attributes:
        bed: Where it is plugged in.
        usbtmc: Whether it speaks that; else its bytes go as they are.
    """

    bed: Bed
    usbtmc: bool
    _serial_number: str = attrs.field(factory=lambda: f"DOUBLE{next(_serial_numbers)}", init=False)
    _location: str = attrs.field(default="", init=False)
    _end: UsbDevice | None = attrs.field(default=None, init=False)
    # How often it was cleared, as far as who hears it was told.
    _cleared: int = attrs.field(default=0, init=False)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token, init=False)
    # Unparked when bytes have come or gone, and when it is put in or pulled out.
    _news: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    @property
    def address(self) -> str:
        """Who it is, as a USB address."""
        who = f"usb://{VID:04x}:{PID:04x}/{self._serial_number}"
        return who if self.usbtmc else f"{who}?raw=1"

    def plug(self) -> None:
        """See `Cable.plug`."""
        if self._end is None:
            self._location = self._location or self.bed.free_location()
            kind = _Scope if self.usbtmc else Pipe
            end = kind(
                serial_number=self._serial_number,
                number=self.bed.free_number(),
                location=self._location,
                room=_ROOM,
                refused=self.refused,
                when_used=self._tell,
            )
            with contextlib.ExitStack() as undo:
                undo.callback(end.pull)
                self.bed.plug(end)
                undo.pop_all()
            self._end, self._cleared = end, 0
            self._news.unpark_all()

    def unplug(self) -> None:
        """See `Cable.unplug`."""
        end, self._end = self._end, None
        if end is not None:
            self.bed.unplug(end)
            self._news.unpark_all()

    def close(self) -> None:
        """See `Cable.close`."""
        self.unplug()

    def move(self) -> None:
        """See `Cable.move`."""
        self._location = ""

    def refuse(self, *, refused: bool) -> None:
        """See `Cable.refuse`."""
        super().refuse(refused=refused)
        if self._end is not None:
            self._end.refused = refused

    async def run(self, hear: Hear) -> None:
        """See `Cable.run`."""
        while True:
            self._pass_clear_on()
            if self._end is None or not self._end.heard:
                await self._news.park()
                continue
            room = await self.wait_paced()
            if data := self._take(room):
                hear(data)

    def send_now(self, data: bytes) -> int:
        """See `Cable.send_now`."""
        end = self._end
        if end is None or end.claimed_by is None:
            return len(data)
        with end.lock:
            # What was said before is nobody's.
            if self._pass_clear_on():
                return len(data)
            part = data[: max(_ROOM - end.unsaid, 0)]
            if part:
                end.say(part)
                end.progress()
            return len(part)

    async def send(self, data: bytes) -> None:
        """See `Cable.send`; what is left when it is cleared is lost too."""
        end, cleared = self._end, self._cleared
        while (end, cleared) == (self._end, self._cleared) and (data := data[self.send_now(data) :]):
            await self._news.park()

    def _take(self, room: int) -> bytes:
        """Return what has come, up to so many bytes."""
        if self._end is None:
            return b""
        with self._end.lock:
            self._pass_clear_on()
            data = bytes(self._end.heard[:room])
            del self._end.heard[:room]
            # Now there is room for more.
            self._end.progress()
        return data

    def _pass_clear_on(self) -> bool:
        """Tell who hears it if it was cleared, and return whether it was."""
        if self._end is None or self._end.cleared == self._cleared:
            return False
        self._cleared = self._end.cleared
        self.on_clear()
        return True

    def _tell(self) -> None:
        """Wake those who wait; from any thread."""
        # A program may have it open for longer than trio runs.
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._news.unpark_all, idempotent=True)
