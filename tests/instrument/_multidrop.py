"""A line in memory with several devices on it, each as late as a test wants."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import ClassVar

import attrs
import trio

from labtroupe import ActorRef, ChildSpec, Supervisor, command
from labtroupe.instrument import BusLink
from labtroupe.kinds.modbus import ModbusInstrument, ModbusRtuBus
from labtroupe.messages import Event
from labtroupe.policy import Backoff, Policy, RestartLimit
from labtroupe.protocol import crc16_modbus

from ._memory import Device, MemoryTransport, Says

# Seconds from a request to its answer: some characters at 19200 baud, and what the device needs.
LATENCY = 0.02

POLICY = Policy(
    depends_on=("bus",),
    # However often their devices fail, they are not given up.
    limit=RestartLimit(max_restarts=10**6, max_attempts=10**6),
    backoff=Backoff(longest=4.0),
)


@attrs.define(eq=False)
class Multidrop(Device):
    """Devices that answer each register with a number that is never given twice.

    Attributes:
        late: Seconds after a request at which devices answer it, instead of the usual; ``inf``: never.
        garbled: Devices whose next answer arrives damaged.
        asked: How often each was asked.
        given: Which device has said which number, for which request.
    """

    late: dict[int, float] = attrs.field(factory=dict[int, float])
    garbled: set[int] = attrs.field(factory=set[int])
    asked: Counter[int] = attrs.field(factory=Counter[int])
    given: dict[int, tuple[int, int]] = attrs.field(factory=dict[int, tuple[int, int]])
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def hear(self, data: bytes) -> None:
        """Take a request, which comes in one piece."""
        assert len(data) == 8
        assert data[-2:] == crc16_modbus(data[:-2])
        self.heard.append(data)
        self.times.append(trio.current_time())
        unit, register = data[0], int.from_bytes(data[2:4], "big")
        self.asked[unit] += 1
        delay = self.late.get(unit, LATENCY)
        if delay == math.inf:
            return
        number = next(self._numbers) % 0x10000
        self.given[number] = (unit, register)
        answer = bytes([unit, data[1], 2]) + number.to_bytes(2, "big")
        crc = crc16_modbus(answer)
        if unit in self.garbled:
            self.garbled.discard(unit)
            crc = b"??"
        self.say([(delay, answer + crc)])

    def say(self, pieces: Says) -> None:
        """Say something at its own time: devices on a bus do not wait for one another."""
        now = trio.current_time()
        self._said.extend((now + delay, data) for delay, data in pieces)
        ordered = sorted(self._said)
        self._said.clear()
        self._said.extend(ordered)
        self._spoken.set()
        self._spoken = trio.Event()


@attrs.define(eq=False)
class Sensor(ModbusInstrument):
    """A device with something to read, and something to switch off."""

    when_safe: ClassVar[list[int]] = []
    """What has been read in safe states."""

    async def safe_state(self) -> None:
        """Look at a register that is not asked for otherwise."""
        self.when_safe.append(await self.value(99))

    @command(timeout=60.0)
    async def many(self, count: int) -> None:
        """Read so many registers, all at once."""
        async with trio.open_nursery() as nursery:
            for register in range(count):
                nursery.start_soon(self.value, register)

    @command(timeout=5.0, idempotent=True)
    async def value(self, register: int = 0) -> int:
        """Read one register."""
        return (await self.input_registers(register))[0]


@attrs.define(eq=False)
class Bench:
    """A bus with sensors on it, ``u1`` and so on."""

    line: Multidrop
    supervisor: Supervisor
    events: list[Event]

    @property
    def bus(self) -> ActorRef[ModbusRtuBus]:
        """The bus."""
        return self.supervisor.ref("bus", ModbusRtuBus)

    def sensor(self, unit: int) -> ActorRef[Sensor]:
        """Return the ref to one of them."""
        return self.supervisor.ref(f"u{unit}", Sensor)


def sensor_spec(supervisor: list[Supervisor], unit: int) -> ChildSpec:
    """Return the spec of an instrument on the bus of a supervisor that is made later."""

    def make() -> Sensor:
        return Sensor(BusLink.to(lambda: supervisor[0].ref("bus", ModbusRtuBus), unit, "bus"), unit)

    return ChildSpec(name=f"u{unit}", factory=make, actor_type=Sensor, policy=POLICY)


@asynccontextmanager
async def multidrop(units: Sequence[int], line: Multidrop | None = None) -> AsyncGenerator[Bench]:
    """Run a bus with sensors, once each has come up or was found to be absent."""
    line = line or Multidrop()

    async def connect() -> MemoryTransport:
        await trio.lowlevel.checkpoint()
        return MemoryTransport(line)

    bus = ChildSpec(
        name="bus",
        factory=lambda: ModbusRtuBus(ModbusRtuBus.link_to("bus", connect)),
        actor_type=ModbusRtuBus,
    )
    found: list[Supervisor] = []
    events: list[Event] = []
    supervisor = Supervisor([bus, *(sensor_spec(found, unit) for unit in units)], events.append, Random(1))  # noqa: S311 - repeatable, not secret
    found.append(supervisor)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await supervisor.wait_first_starts()
        yield Bench(line, supervisor, events)
        nursery.cancel_scope.cancel()
