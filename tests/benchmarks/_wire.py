"""Rows: what it takes until a device has answered, over a serial port."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Final

import attrs
import serial
import trio

from labtroupe import Actor, ActorRef, ChildSpec, Instrument, Supervisor, command
from labtroupe.transport import Address, open_transport

from ._cores import unpinned
from ._harness import MICROSECONDS, MILLISECONDS, OURS, AsFast, Contender, Row, Share
from ._ours import running

REQUEST: Final = b"MEASURE:VOLTAGE? 01\n"
ANSWER: Final = 20
"""Bytes of an answer; as many as of a request."""
PORTS: Final = 200
DELAY: Final = 0.02
"""Seconds after which each of the many answers."""

Ask = Callable[[], Awaitable[object]]


@attrs.define(eq=False)
class Meter(Instrument):
    """An instrument that answers line by line."""

    @command(timeout=5.0)
    async def measure(self) -> bytes:
        """Ask the device."""
        return await self.link.exchange(REQUEST[:-1])


@attrs.define(eq=False)
class ThreadedMeter(Actor):
    """The same with pyserial, whose blocking calls are made in a thread."""

    port: serial.Serial

    @command(timeout=5.0)
    async def measure(self) -> bytes:
        """Ask the device."""
        return await trio.to_thread.run_sync(exchange, self.port)


def exchange(port: serial.Serial) -> bytes:
    """Do what the plain script does."""
    port.write(REQUEST)
    return port.read(ANSWER)


@contextmanager
def devices(count: int = 1, delay: float = 0.0) -> Generator[Sequence[str]]:
    """Run so many devices in a process of their own; yield the paths of their ports."""
    _allow_files(5 * count)
    command_line = [sys.executable, str(Path(__file__).with_name("_device.py")), str(count), str(delay)]
    process = subprocess.Popen(command_line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    with process:
        assert process.stdout is not None
        yield process.stdout.readline().split()
        assert process.stdin is not None
        process.stdin.close()


@contextmanager
def unpinned_devices(count: int) -> Generator[Sequence[str]]:
    """Run so many devices that answer after a while, on any core: they are not to take ours from us."""
    with ExitStack() as running_devices:
        with unpinned():
            paths = running_devices.enter_context(devices(count, DELAY))
        yield paths


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1024 + count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1024 + count), hard))


@contextmanager
def opened(paths: Sequence[str]) -> Generator[Sequence[serial.Serial]]:
    """Open ports with pyserial."""
    with ExitStack() as ports:
        yield [ports.enter_context(closing(serial.Serial(path, 115200, timeout=5.0))) for path in paths]


def meter(path: str) -> ChildSpec:
    """Return the spec of the instrument at a port."""
    connect = partial(open_transport, Address.parse(f"serial:{path}?baudrate=115200"), holder=path)
    return ChildSpec(
        name=path,
        factory=lambda: Meter(link=Meter.link_to(path, connect)),
        actor_type=Meter,
    )


@asynccontextmanager
async def meters(paths: Sequence[str]) -> AsyncGenerator[Sequence[ActorRef[Meter]]]:
    """Run an instrument at each port."""
    supervisor = Supervisor([meter(path) for path in paths])
    async with running(supervisor):
        yield [supervisor.ref(path, Meter) for path in paths]


@asynccontextmanager
async def threaded_meters(
    ports: Sequence[serial.Serial],
) -> AsyncGenerator[Sequence[ActorRef[ThreadedMeter]]]:
    """Run a threaded one at each port."""
    specs = [
        ChildSpec(name=str(port.port), factory=partial(ThreadedMeter, port), actor_type=ThreadedMeter)
        for port in ports
    ]
    supervisor = Supervisor(specs)
    async with running(supervisor):
        yield [supervisor.ref(spec.name, ThreadedMeter) for spec in specs]


# One port, whose device answers at once.


async def _one_port_ours(count: int) -> float:
    with devices() as paths:
        async with meters(paths) as (ref,):
            return await _round_trips(lambda: ref.ask(Meter.measure()), count)


async def _one_port_threaded(count: int) -> float:
    with devices() as paths, opened(paths) as ports:
        async with threaded_meters(ports) as (ref,):
            return await _round_trips(lambda: ref.ask(ThreadedMeter.measure()), count)


async def _round_trips(ask: Ask, count: int) -> float:
    """Return the median of so many: some are interrupted by whatever else runs here."""
    await ask()
    taken: list[float] = []
    for _ in range(count):
        began = perf_counter()
        await ask()
        taken.append(perf_counter() - began)
    return median(taken)


def _one_port_plain(count: int) -> float:
    with devices() as paths, opened(paths) as (port,):
        exchange(port)
        taken: list[float] = []
        for _ in range(count):
            began = perf_counter()
            exchange(port)
            taken.append(perf_counter() - began)
        return median(taken)


# Many ports, whose devices answer after a while; the devices have another core, if there is one.


async def _hammer(asks: Sequence[Ask], count: int) -> Sequence[float]:
    """Return the seconds of each of ``count`` asks of each, all of them beside each other."""
    taken: list[float] = []

    async def again_and_again(ask: Ask) -> None:
        await ask()
        for _ in range(count):
            began = perf_counter()
            await ask()
            taken.append(perf_counter() - began)

    async with trio.open_nursery() as nursery:
        for ask in asks:
            nursery.start_soon(again_and_again, ask)
    return taken


async def _many_ports(ports: int, count: int) -> Sequence[float]:
    with unpinned_devices(ports) as paths:
        async with meters(paths) as refs:
            return await _hammer([partial(ref.ask, Meter.measure()) for ref in refs], count)


def _p99(taken: Sequence[float]) -> float:
    return sorted(taken)[max(0, len(taken) * 99 // 100 - 1)]


async def _many_ports_ours(count: int) -> float:
    return mean(await _many_ports(PORTS, count)) / PORTS


async def _many_ports_threaded(count: int) -> float:
    with unpinned_devices(PORTS) as paths, opened(paths) as ports:
        async with threaded_meters(ports) as refs:
            asks = [partial(ref.ask, ThreadedMeter.measure()) for ref in refs]
            return mean(await _hammer(asks, count)) / PORTS


def _many_ports_plain(count: int) -> float:
    """Do it with a thread for each port, and nothing else."""
    with unpinned_devices(PORTS) as paths, opened(paths) as ports, ThreadPoolExecutor(PORTS) as threads:

        def work(port: serial.Serial) -> float:
            exchange(port)
            began = perf_counter()
            for _ in range(count):
                exchange(port)
            return (perf_counter() - began) / count

        return mean(threads.map(work, ports)) / PORTS


async def _p99_of_many_ours(count: int) -> float:
    return _p99(await _many_ports(PORTS, count))


async def _p99_of_one_ours(count: int) -> float:
    return _p99(await _many_ports(1, 10 * count))


ROWS = [
    Row(
        name="serial",
        title="an instrument at a serial port is asked, and its device answers at once, 20 bytes each",
        unit=MICROSECONDS,
        size=1_000,
        tiny=2,
        contenders=[
            Contender.on_trio(OURS, _one_port_ours),
            Contender("plain pyserial script", _one_port_plain),
            Contender.on_trio("labtroupe, pyserial in a thread", _one_port_threaded),
        ],
        goals=[AsFast("plain pyserial script", 0.85), AsFast("labtroupe, pyserial in a thread", 2)],
    ),
    Row(
        name="ports",
        title="200 instruments, whose devices answer after 20 ms, are asked again and again: time by answers",
        unit=MICROSECONDS,
        size=10,
        tiny=1,
        contenders=[
            Contender.on_trio(OURS, _many_ports_ours),
            Contender.on_trio("labtroupe, pyserial in trio's 40 threads", _many_ports_threaded),
            Contender("plain pyserial, 200 threads", _many_ports_plain),
        ],
        goals=[AsFast("labtroupe, pyserial in trio's 40 threads", 6)],
    ),
    Row(
        name="ports-p99",
        title="the same: how long one answer in a hundred takes (p99)",
        unit=MILLISECONDS,
        size=10,
        tiny=1,
        contenders=[
            Contender.on_trio(OURS, _p99_of_many_ours),
            Contender.on_trio("one port", _p99_of_one_ours),
        ],
        goals=[Share("one port", 1.3)],
    ),
]
