"""The port of a device on trial: in memory, with every byte that is still to come noted."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs
import trio

from labtroupe.errors import DeviceAbsent, LinkLost, PortInUse
from labtroupe.simulation import SimulatedDevice
from labtroupe.transport import Address, Transport

ADDRESS: Final = Address.parse("sim:trial")
"""What errors call the port; it is never looked up."""

# Garbage without pause: 16 kB each 10 ms, more than any serial port carries.
_FLOOD_PIECE: Final = b"\xa5" * 16384
_FLOOD_INTERVAL: Final = 0.01
# Seconds between two bytes of an answer that comes byte by byte.
_BYTE_TIME: Final = 0.001
# Seconds after which a connection breaks that is to break as soon as it is open.
_SHORT: Final = 0.01


class Abandoned(BaseException):
    """The trial is over, and the driver's code does not end by itself; not for it to catch."""


@attrs.frozen(eq=False)
class Piece:
    """Some bytes of an answer, on their way.

    Attributes:
        due: When they come, on trio's clock; ``math.inf`` while they are held up.
        data: They.
        owed_to: On whose behalf the device was asked; ``None`` if these bytes are too many anyway.
    """

    due: float
    data: bytes
    owed_to: object


@attrs.define(eq=False)
class Port:
    """The port behind which the device is, and what goes wrong there.

    Attributes:
        device: What answers.
        on_behalf: Says what the driver does at the moment; answers are noted as owed to that.
        plugged: Whether the cable is in.
        mute: Whether answers are lost.
        delay: Seconds by which answers are late.
        split: Whether each byte comes alone.
        twice: Whether the next answer comes twice.
        spoil: Makes garbage of the answers.
        stray: What comes shortly before each answer.
        flooding: Whether there is garbage without pause.
        taken: Whether somebody else has it open.
        breaks: Whether a connection breaks as soon as it is open.
        room: Bytes of requests for which there is room, before sending hangs.
        gate: Bytes of answers that come through, before the rest is held up.
        opened: How many connections there have been.
        sent: Bytes that the driver has sent.
        said: Bytes that the device has said.
        misuse: What the driver must never do with a port, and has done.
        crash: What the simulated device has raised.
        connection: What the driver has open.
    """

    device: SimulatedDevice
    on_behalf: Callable[[], object]
    plugged: bool = True
    mute: bool = False
    delay: float = 0.0
    split: bool = False
    twice: bool = False
    spoil: Callable[[bytes], bytes] | None = None
    stray: bytes = b""
    flooding: bool = False
    taken: bool = False
    breaks: bool = False
    room: float = math.inf
    gate: float = math.inf
    opened: int = 0
    sent: int = 0
    said: int = 0
    misuse: list[str] = attrs.field(factory=list[str])
    crash: Exception | None = None
    connection: Connection | None = attrs.field(default=None, init=False)
    _pieces: deque[Piece] = attrs.field(factory=deque[Piece], init=False)
    _changed: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    _next_flood: float = attrs.field(default=0.0, init=False)
    _abandoned: bool = attrs.field(default=False, init=False)

    @property
    def is_open(self) -> bool:
        """Whether the driver has it open."""
        return self.connection is not None

    async def open(self) -> Transport:
        """Open it; what came before is lost, what is still to come is not.

        Raises:
            DeviceAbsent: The cable is out.
            PortInUse: It is open already, or somebody else has it.
        """
        await trio.lowlevel.checkpoint()
        self.check_abandoned()
        if not self.plugged:
            raise DeviceAbsent(f"{ADDRESS}: there is nothing")
        if self.taken:
            raise PortInUse(f"{ADDRESS}: somebody else has it open")
        if self.connection is not None:
            self.misuse.append("it opened the port twice at the same time")
            raise PortInUse(f"{ADDRESS}: the driver itself has it open")
        self._drop_due()
        self.opened += 1
        ends = trio.current_time() + _SHORT if self.breaks else math.inf
        self.connection = Connection(self, ends)
        return self.connection

    def owes(self, request: object) -> bool:
        """Return whether something is still to come that answers what was sent on behalf of ``request``."""
        return any(piece.owed_to is request for piece in self._pieces)

    def pull(self, *, power: bool = False) -> None:
        """Pull the cable out; with ``power``, switch the device off and on as well."""
        self.plugged = False
        self._pieces.clear()
        if power:
            self.device.power_cycle(trio.current_time())
        self.rouse()

    def clear(self) -> None:
        """Let everything be well again; what was held up comes now."""
        self.plugged, self.mute, self.delay, self.split, self.twice = True, False, 0.0, False, False
        self.spoil, self.stray, self.flooding, self.taken, self.breaks = None, b"", False, False, False
        self.room = self.gate = math.inf
        now = trio.current_time()
        self._pieces = deque(attrs.evolve(each, due=min(each.due, now)) for each in self._pieces)
        self.rouse()

    def rouse(self) -> None:
        """Have those look again who wait."""
        self._changed.unpark_all()

    def abandon(self) -> None:
        """End all that uses the port."""
        self._abandoned = True
        self.rouse()

    def check_abandoned(self) -> None:
        """Raise `Abandoned` once the trial has been given up."""
        if self._abandoned:
            raise Abandoned

    def hear(self, data: bytes) -> None:
        """Let the device hear bytes, and note what it answers."""
        now = trio.current_time()
        self.sent += len(data)
        for seconds, answer in self._respond(data, now):
            self.said += len(answer)
            if not self.mute:
                ready = max(self._pieces[-1].due if self._pieces else now, now + self.delay) + seconds
                self._pieces.extend(self._as_pieces(answer, ready))
        self.rouse()

    def take(self) -> bytes:
        """Return what comes next, if it has come by now."""
        now = trio.current_time()
        if self._pieces and self._pieces[0].due <= now:
            return self._pieces.popleft().data
        if self.flooding and now >= self._next_flood:
            self._next_flood = now + _FLOOD_INTERVAL
            return _FLOOD_PIECE
        return b""

    async def wait_due(self, until: float) -> None:
        """Wait until something may have come or changed."""
        due = self._pieces[0].due if self._pieces else math.inf
        flood = self._next_flood if self.flooding else math.inf
        with trio.move_on_at(min(due, flood, until)):
            await self._changed.park()

    def _respond(self, data: bytes, now: float) -> Sequence[tuple[float, bytes]]:
        try:
            return self.device.respond(data, now)
        except Exception as error:
            # Whatever a simulated device raises is its own bug, and not the driver's.
            self.crash = error
            self.pull()
            raise LinkLost(f"{ADDRESS}: the simulated device has crashed") from error

    def _as_pieces(self, answer: bytes, due: float) -> Iterator[Piece]:
        """Yield the pieces in which an answer comes that is due."""
        answer = answer if self.spoil is None else self.spoil(answer)
        owed_to = self.on_behalf()
        if self.stray:
            yield Piece(due, self.stray, None)
            due += _BYTE_TIME
        if len(answer) > self.gate:
            if self.gate:
                yield Piece(due, answer[: int(self.gate)], owed_to)
            answer, due, self.gate = answer[int(self.gate) :], math.inf, 0
        else:
            self.gate -= len(answer)
        if self.split:
            for index in range(len(answer)):
                yield Piece(due + index * _BYTE_TIME, answer[index : index + 1], owed_to)
        else:
            yield Piece(due, answer, owed_to)
        if self.twice:
            self.twice = False
            yield Piece(due, answer, None)

    def _drop_due(self) -> None:
        now = trio.current_time()
        self._pieces = deque(each for each in self._pieces if each.due > now)


@attrs.define(eq=False)
class Connection(Transport):
    """A connection of the driver's.

    Attributes:
        ends: When it breaks by itself, on trio's clock.
    """

    port: Port
    ends: float
    address: Address = ADDRESS

    async def send(self, data: bytes) -> None:
        """Send, as far as there is room; hang if that is not all."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check()
        taken = data[: int(min(self.port.room, len(data)))]
        self.port.room -= len(taken)
        self.port.hear(taken)
        while taken != data:
            await self.port.wait_due(self.ends)
            self._check()

    async def receive(self) -> bytes:
        """Wait for input."""
        await trio.lowlevel.checkpoint()
        while True:
            self._check()
            if data := self.port.take():
                return data
            await self.port.wait_due(self.ends)

    def receive_nowait(self) -> bytes:
        """Return what has come."""
        self._check()
        return self.port.take()

    async def aclose(self) -> None:
        """Close."""
        if self.port.connection is self:
            self.port.connection = None
            self.port.rouse()
        await trio.lowlevel.checkpoint()

    def _check(self) -> None:
        self.port.check_abandoned()
        if self.port.connection is not self:
            raise trio.ClosedResourceError
        if not self.port.plugged or trio.current_time() >= self.ends:
            raise LinkLost(f"{ADDRESS}: the connection broke")
