"""Rows: starting, restarting and stopping actors, and what an idle one takes."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path
from time import perf_counter, process_time

import attrs
import trio

from labtroupe import Actor, ChildSpec, LinkError, State, Supervisor

from ._harness import KILOBYTES, MICROSECONDS, MILLISECONDS, OURS, AsFast, AtMost, Contender, Row, Share
from ._naive import NaiveActor, naive_actors
from ._on_asyncio import asyncio_actors
from ._on_otp import otp
from ._ours import Counter, counter, counters, running
from ._subprocesses import call, output

OTHERS = 1_000
CONNECTING = 0.05
"""Seconds that a device takes to answer when it is opened."""


@attrs.define(eq=False)
class Slow(Actor):
    """An actor that takes a while to start."""

    async def on_start(self) -> None:
        """Connect."""
        await trio.sleep(CONNECTING)


# From a crash to the first answer of the next life.


async def _restart_beside(others: int, count: int) -> float:
    async with counters(1 + others) as (ref, *_):
        began = process_time()
        for _ in range(count):
            with suppress(LinkError):
                await ref.ask(Counter.crash())
            await ref.ask(Counter.look())
        return (process_time() - began) / count


async def _restart_ours(count: int) -> float:
    return await _restart_beside(0, count)


async def _restart_ours_in_a_crowd(count: int) -> float:
    return await _restart_beside(OTHERS, count)


async def _restart_naive(count: int) -> float:
    actor = NaiveActor()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.run_again_and_again)
        began = process_time()
        for _ in range(count):
            await actor.ask("crash")
            await actor.ask()
        seconds = (process_time() - began) / count
        nursery.cancel_scope.cancel()
    return seconds


# From a spec to an actor that is up, and to one that is forgotten.


async def _spawn_ours(count: int) -> float:
    supervisor = Supervisor([])
    spec = counter("spawned")
    async with running(supervisor):
        began = process_time()
        for _ in range(count):
            supervisor.add(spec)
            await supervisor.wait_state(spec.name, State.RUNNING)
            supervisor.stop(spec.name)
            await supervisor.wait_settled(spec.name)
            supervisor.remove(spec.name)
        return (process_time() - began) / count


async def _spawn_naive(count: int) -> float:
    async def live(actor: NaiveActor, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await actor.run()
        over.set()

    async with trio.open_nursery() as nursery:
        began = process_time()
        for _ in range(count):
            over = trio.Event()
            actor = NaiveActor()
            await nursery.start(live, actor)
            actor.stop()
            await over.wait()
        return (process_time() - began) / count


# Many, from their start over one answer of each to their end.


async def _supervised_ours(count: int) -> float:
    began = process_time()
    async with counters(count) as refs:
        for ref in refs:
            await ref.ask(Counter.look())
    return (process_time() - began) / count


async def _supervised_naive(count: int) -> float:
    began = process_time()
    async with naive_actors(count) as actors:
        for actor in actors:
            await actor.ask()
    return (process_time() - began) / count


# What an idle one takes.


async def _grown_ours(count: int) -> float:
    before = _resident()
    async with counters(count) as refs:
        for ref in refs:
            await ref.ask(Counter.look())
        return (_resident() - before) / count


async def _grown_naive(count: int) -> float:
    before = _resident()
    async with naive_actors(count) as actors:
        for actor in actors:
            await actor.ask()
        return (_resident() - before) / count


async def _grown_asyncio(count: int) -> float:
    before = _resident()
    async with asyncio_actors(count) as actors:
        for actor in actors:
            await actor.ask()
        return (_resident() - before) / count


def memory(contender: str, count: int) -> float:
    """Return the bytes by which this process has grown for each actor; it should be a new one."""
    return {name: each.measure for name, each in _GROWN.items()}[contender](count)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


_GROWN = {
    each.name: each
    for each in (
        Contender.on_trio(OURS, _grown_ours),
        Contender.on_trio("naive trio", _grown_naive),
        Contender.on_asyncio("asyncio", _grown_asyncio),
    )
}


def _memory_of(contender: str) -> Contender:
    return Contender(contender, lambda count: float(output(call("_lives", "memory", contender, count))))


# Many that take a while to start.


async def _connect_ours(count: int) -> float:
    specs = [ChildSpec(name=f"slow-{number}", factory=Slow, actor_type=Slow) for number in range(count)]
    began = perf_counter()
    async with running(Supervisor(specs)):
        return perf_counter() - began


async def _connect_naive(count: int) -> float:
    began = perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(trio.sleep, CONNECTING)
    return perf_counter() - began


ROWS = [
    Row(
        name="restart",
        title="from a crash to the first answer of the next life",
        unit=MICROSECONDS,
        size=200,
        tiny=5,
        contenders=[
            Contender.on_trio(OURS, _restart_ours),
            Contender.on_trio("naive trio", _restart_naive),
            otp("restart"),
        ],
        goals=[AsFast("naive trio", 1.5), Share("OTP", 2)],
    ),
    Row(
        name="restart-in-a-crowd",
        title="the same, where 1,000 others have the same supervisor",
        unit=MICROSECONDS,
        size=200,
        tiny=5,
        contenders=[Contender.on_trio(OURS, _restart_ours_in_a_crowd), otp("crowd")],
    ),
    Row(
        name="spawn",
        title="from a spec to an actor that is up, then stopped and forgotten",
        unit=MICROSECONDS,
        size=1_000,
        tiny=5,
        contenders=[
            Contender.on_trio(OURS, _spawn_ours),
            Contender.on_trio("naive trio", _spawn_naive),
            otp("spawn"),
        ],
        goals=[AtMost(25)],
    ),
    Row(
        name="supervised",
        title="10,000 actors in one process: each started, asked once, and stopped",
        unit=MICROSECONDS,
        size=10_000,
        tiny=20,
        contenders=[
            Contender.on_trio(OURS, _supervised_ours),
            Contender.on_trio("naive trio", _supervised_naive),
            otp("supervised"),
        ],
    ),
    Row(
        name="memory",
        title="what each of 10,000 idle actors takes (resident memory)",
        unit=KILOBYTES,
        size=10_000,
        tiny=2_000,
        contenders=[_memory_of(OURS), _memory_of("naive trio"), _memory_of("asyncio"), otp("memory")],
        goals=[AtMost(6)],
    ),
    Row(
        name="connect",
        title="1,000 actors that each take 50 ms to start",
        unit=MILLISECONDS,
        size=1_000,
        tiny=5,
        contenders=[Contender.on_trio(OURS, _connect_ours), Contender.on_trio("naive trio", _connect_naive)],
        goals=[Share("naive trio", 1.1)],
    ),
]
