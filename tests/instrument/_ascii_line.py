"""A line in memory with devices that are asked in ASCII, and the drivers that somebody would write for it."""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import attrs
import trio

from labtroupe import ActorRef, Lines, Supervisor, command
from labtroupe.instrument import Addressed, Bus, BusLink
from labtroupe.messages import Event
from labtroupe.supervision import ChildSpec

from ._memory import Device, MemoryTransport, Says
from ._multidrop import LATENCY, POLICY


@attrs.define(eq=False)
class AsciiBus(Bus):
    """A line on which requests look like ``@03 T?``, and answers like ``@03 21.5``."""

    framing = Lines(b"\r")

    @staticmethod
    def address_in(frame: bytes) -> bytes:
        """Return what every frame begins with, such as ``@03``."""
        return frame[:3]

    def sign_of_life(self, unit: int) -> bytes:
        """Ask it who it is."""
        return b"@%02d ID?" % unit


@attrs.define(eq=False)
class Thermometer(Addressed):
    """A device with channels, of which the line has one at a time."""

    framing = AsciiBus.framing

    async def safe_state(self) -> None:
        """Look at it."""
        await self.temperature()

    @command(idempotent=True)
    async def temperature(self) -> int:
        """Measure."""
        return int(await self._ask("T?"))

    @command
    async def select(self, channel: int) -> None:
        """Select a channel; it does not answer."""
        await self.link.write(f"@{self.unit:02d} CH {channel}")

    @command(idempotent=True)
    async def log(self) -> list[str]:
        """Read all that it has kept."""
        lines = await self.link.exchange_many(b"@%02d LOG?" % self.unit, lambda line: line.endswith(b"END"))
        return [line[4:].decode() for line in lines]

    @command
    async def broken_log(self) -> None:
        """Read what it has kept, with a mistake in the driver."""
        await self.link.exchange_many(b"@%02d LOG?" % self.unit, lambda line: line[999] == 0)

    @command
    async def ask_without_address(self) -> None:
        """Ask, with a mistake in the driver."""
        await self.link.query("T?")

    @command(timeout=10.0)
    async def temperature_of(self, channel: int, pause: float = 0.0) -> int:
        """Measure at a channel, perhaps with a pause before."""
        async with self.link.transaction():
            await self.select(channel)
            await trio.sleep(pause)
            return await self.temperature()

    async def _ask(self, what: str) -> str:
        return (await self.link.query(f"@{self.unit:02d} {what}"))[4:]


@attrs.define(eq=False)
class AsciiLine(Device):
    """The devices; each number that one measures is given once.

    Attributes:
        late: Seconds after a request at which devices answer it, instead of the usual; ``inf``: never.
        given: Which device has said which number, and at which channel.
        channel: The one that was selected last, by whomever.
    """

    late: dict[int, float] = attrs.field(factory=dict[int, float])
    given: dict[int, tuple[int, int]] = attrs.field(factory=dict[int, tuple[int, int]])
    channel: int = 0
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def hear(self, data: bytes) -> None:
        """Take a request, which comes in one piece."""
        assert data.endswith(b"\r")
        self.heard.append(data[:-1])
        self.times.append(trio.current_time())
        unit, what = int(data[1:3]), data[4:-1].decode()
        delay = self.late.get(unit, LATENCY)
        for number, answer in enumerate(self._answers(unit, what), 1):
            if delay != math.inf:
                self.say([(delay * number, f"@{unit:02d} {answer}\r".encode())])

    def say(self, pieces: Says) -> None:
        """Say something at its own time: devices on a bus do not wait for one another."""
        now = trio.current_time()
        self._said.extend((now + delay, data) for delay, data in pieces)
        ordered = sorted(self._said)
        self._said.clear()
        self._said.extend(ordered)
        self._spoken.set()
        self._spoken = trio.Event()

    def _answers(self, unit: int, what: str) -> Sequence[str]:
        match what.split():
            case ["ID?"]:
                return ["TH"]
            case ["T?"]:
                number = next(self._numbers)
                self.given[number] = (unit, self.channel)
                return [str(number)]
            case ["LOG?"]:
                return [f"{unit} yesterday", f"{unit} today", "END"]
            case ["CH", channel]:
                self.channel = int(channel)
                return []
            case _:
                return []


@attrs.define(eq=False)
class AsciiBench:
    """A bus with thermometers on it, ``t1`` and so on."""

    line: AsciiLine
    supervisor: Supervisor
    events: list[Event]

    @property
    def bus(self) -> ActorRef[AsciiBus]:
        """The bus."""
        return self.supervisor.ref("bus", AsciiBus)

    def thermometer(self, unit: int) -> ActorRef[Thermometer]:
        """Return the ref to one of them."""
        return self.supervisor.ref(f"t{unit}", Thermometer)


@asynccontextmanager
async def ascii_bench(units: Sequence[int], line: AsciiLine | None = None) -> AsyncGenerator[AsciiBench]:
    """Run a bus with thermometers, once each has come up or was found to be absent."""
    line = line or AsciiLine()

    async def connect() -> MemoryTransport:
        await trio.lowlevel.checkpoint()
        return MemoryTransport(line)

    def spec(unit: int) -> ChildSpec:
        def make() -> Thermometer:
            return Thermometer(BusLink.to(lambda: supervisor.ref("bus", AsciiBus), unit, "bus"), unit)

        return ChildSpec(name=f"t{unit}", factory=make, actor_type=Thermometer, policy=POLICY)

    bus = ChildSpec(
        name="bus", factory=lambda: AsciiBus(AsciiBus.link_to("bus", connect)), actor_type=AsciiBus
    )
    events: list[Event] = []
    supervisor = Supervisor([bus, *map(spec, units)], events.append, Random(1))  # noqa: S311 - repeatable, not secret
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await supervisor.wait_first_starts()
        yield AsciiBench(line, supervisor, events)
        nursery.cancel_scope.cancel()
