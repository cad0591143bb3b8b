"""The port of a device on trial: in memory, with every byte that is still to come noted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from labtroupe.actor import Reply
from labtroupe.conformance._incoming import Incoming
from labtroupe.errors import DeviceAbsent, LinkLost, PortInUse
from labtroupe.simulation import FLOOD_INTERVAL, Faults, SimulatedDevice
from labtroupe.transport import Address, Transport

ADDRESS: Final = Address.parse("sim:trial")
"""What errors call the port; it is never looked up."""

# Without an end, and 16 kB each 10 ms, which is more than any serial port carries.
_DELUGE: Final = b"\xa5" * 16384
# Seconds from what answers nothing to the answer.
_APART: Final = 0.001
# Seconds for which nothing else waits.
_LONG: Final = 1000.0
# Seconds after which a connection breaks that is to break as soon as it is open.
_SHORT: Final = 0.01


class Abandoned(BaseException):
    """The trial is over, and the driver's code does not end by itself; not for it to catch."""


@attrs.define(eq=False)
class Port:
    """The port behind which the device is, and what goes wrong there.

    It has the faults of the fault menu, and some that are harsher.  It has no tasks and no buffers:
    what the device hears it answers at once, and each answer is noted until the driver has taken it.

    Attributes:
        device: What answers.
        on_behalf: Says what the driver does at the moment; answers are noted as owed to that.
        is_answer: Whether what the device says can answer anything, and is not said by itself.
        spoil: Makes something else of all answers.
        stray: What comes shortly before each answer.
        drowning: Whether there is garbage without pause and without end.
        breaks: Whether a connection breaks as soon as it is open.
        requests: What the driver has begun to send, and on whose behalf.
        sent: Bytes that the driver has sent.
        said: Bytes that the device has said.
        unspoilt: Answers in which there was nothing to spoil.
        misuse: What the driver must never do with a port, and has done.
        crash: What the simulated device has raised.
        connections: What the driver has open.
    """

    device: SimulatedDevice
    on_behalf: Callable[[], Reply[object] | None]
    is_answer: Callable[[bytes], bool] = lambda _: True
    spoil: Callable[[bytes], bytes] | None = None
    stray: bytes = b""
    drowning: bool = False
    breaks: bool = False
    requests: list[tuple[Reply[object] | None, bytes]] = attrs.field(
        factory=list[tuple[Reply[object] | None, bytes]]
    )
    sent: int = 0
    said: int = 0
    unspoilt: int = 0
    misuse: list[str] = attrs.field(factory=list[str])
    crash: Exception | None = None
    connections: list[Connection] = attrs.field(factory=list["Connection"], init=False)
    _faults: Faults = attrs.field(factory=Faults, init=False)
    _incoming: Incoming = attrs.field(init=False)
    _changed: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    # When the device takes the next byte, and the next garbage comes.
    _next_heard: float = attrs.field(default=0.0, init=False)
    _next_flood: float = attrs.field(default=0.0, init=False)
    # How often it has moved.
    _place: int = attrs.field(default=0, init=False)
    _abandoned: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Let nothing be on its way."""
        self._incoming = Incoming(self._faults)

    async def open(self) -> Transport:
        """Open it; what came before is lost, what is still to come is not.

        Raises:
            DeviceAbsent: The cable is out.
            PortInUse: It is open already, or somebody else has it.
        """
        await trio.lowlevel.checkpoint()
        self.check_abandoned()
        now = trio.current_time()
        if self._faults.out(now):
            raise DeviceAbsent(f"{ADDRESS}: there is nothing")
        if self._faults.has("refuse", now):
            raise PortInUse(f"{ADDRESS}: somebody else has it open")
        if any(each.place == self._place for each in self.connections):
            self.misuse.append("it opened the port twice at the same time")
            raise PortInUse(f"{ADDRESS}: the driver itself has it open")
        self._incoming.drop_missed(now)
        connection = Connection(self, now + _SHORT if self.breaks else math.inf, self._place)
        self.connections.append(connection)
        return connection

    @property
    def holds_back(self) -> bool:
        """Whether all that is still to come does not come by itself."""
        return _LONG < self._incoming.next_due - trio.current_time() < math.inf

    def owes(self, request: object) -> bool:
        """Return whether something is still to come that answers what was sent on behalf of ``request``."""
        return self._incoming.owes(request)

    def requests_of(self, owner: Reply[object]) -> Counter[bytes]:
        """Return what was sent on behalf of a request, and how often."""
        return Counter(data for other, data in self.requests if other is owner)

    def inject(self, fault: str, *words: str) -> None:
        """Begin or end a fault of the fault menu, as it is written there."""
        self._faults.inject(fault, words, trio.current_time())
        self._settle()

    def clear(self) -> None:
        """Let everything be well again; what was held up comes now."""
        self.spoil, self.stray, self.drowning, self.breaks = None, b"", False, False
        self._incoming.hurry(trio.current_time())
        self.inject("clear")

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

    def hear(self, data: bytes) -> int:
        """Let the device hear what it takes now, and return how many bytes; note what it answers."""
        heard = 0
        while heard < len(data) and (now := trio.current_time()) >= self._next_heard:
            pause = self._faults.delay("slow-drain", now)
            count = 1 if pause else int(min(len(data) - heard, self._faults.until_heard()))
            self._answer(data[heard : heard + count], now)
            heard += count
            self._next_heard = now + pause
            if self._faults.count(now, heard=count):
                self._settle()
        self.rouse()
        return heard

    def take(self) -> bytes:
        """Return what comes next, if it has come by now."""
        now = trio.current_time()
        if (data := self._incoming.take(now)) or now < self._next_flood:
            return data
        garbage = _DELUGE if self.drowning else self._faults.flood(now)
        if garbage:
            self._next_flood = now + FLOOD_INTERVAL
        return garbage

    async def wait_due(self, until: float) -> None:
        """Wait until something may have come or changed."""
        floods = self.drowning or self._faults.has("flood", trio.current_time())
        flood = self._next_flood if floods else math.inf
        await self._wait_changed(min(self._incoming.next_due, flood, until))

    async def wait_room(self, until: float) -> None:
        """Wait until the device may take something, or something has changed."""
        await self._wait_changed(min(self._next_heard, until))

    async def _wait_changed(self, until: float) -> None:
        with trio.move_on_at(until):
            await self._changed.park()

    def _settle(self) -> None:
        """Make the connections and the device what the faults say."""
        now, faults = trio.current_time(), self._faults
        begun = faults.begun(now)
        if faults.out(now):
            for each in self.connections:
                each.lost = True
        if "power-cycle" in begun:
            self._incoming.forget()
            self.device.power_cycle(now)
        if "replug" in begun:
            self._place += 1
        self.device.disguised = faults.has("wrong-identity", now)
        self._next_heard = now + faults.delay("slow-drain", now)
        self.rouse()

    def _answer(self, data: bytes, now: float) -> None:
        """Let the device hear bytes, and note what it answers."""
        self.sent += len(data)
        echoes = self._faults.has("echo", now)
        if echoes:
            self._say(data, 0.0, None)
        for latency, answer in self._respond(data, now):
            self.said += len(answer)
            if self.stray:
                self._say(self.stray, latency, None)
            # An echo that is like the answer, nobody can tell from it.
            like_echo = echoes and answer == data
            owed_to = None if like_echo or not self.is_answer(answer) else self.on_behalf()
            spoilt = answer if self.spoil is None else self.spoil(answer)
            self.unspoilt += self.spoil is not None and spoilt == answer
            self._say(spoilt, _APART if self.stray else latency, owed_to)

    def _respond(self, data: bytes, now: float) -> Sequence[tuple[float, bytes]]:
        try:
            return self.device.respond(data, now)
        except Exception as error:
            # Whatever a simulated device raises is its own bug, and not the driver's.
            self.crash = error
            self.inject("unplug")
            raise LinkLost(f"{ADDRESS}: the simulated device has crashed") from error

    def _say(self, answer: bytes, latency: float, owed_to: object) -> None:
        if self._incoming.say(answer, latency, owed_to, trio.current_time()):
            self._settle()


@attrs.define(eq=False)
class Connection(Transport):
    """A connection of the driver's.

    Attributes:
        ends: When it breaks by itself, on trio's clock.
        place: Where the port was when it was opened.
        lost: Whether the cable was pulled meanwhile.
    """

    port: Port
    ends: float
    place: int
    lost: bool = False
    address: Address = ADDRESS

    async def send(self, data: bytes) -> None:
        """Send as fast as the device takes it."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check()
        self.port.requests.append((self.port.on_behalf(), data))
        while data := data[self.port.hear(data) :]:
            await self.port.wait_room(self.ends)
            self._check()

    async def receive(self) -> bytes:
        """Wait for input."""
        await trio.lowlevel.checkpoint()
        while not (data := self.receive_nowait()):
            await self.port.wait_due(self.ends)
        return data

    def receive_nowait(self) -> bytes:
        """Return what has come."""
        self._check()
        return self.port.take()

    async def aclose(self) -> None:
        """Close."""
        if self in self.port.connections:
            self.port.connections.remove(self)
            self.port.rouse()
        await trio.lowlevel.checkpoint()

    def _check(self) -> None:
        self.port.check_abandoned()
        if self not in self.port.connections:
            raise trio.ClosedResourceError
        if self.lost or trio.current_time() >= self.ends:
            raise LinkLost(f"{ADDRESS}: the connection broke")
