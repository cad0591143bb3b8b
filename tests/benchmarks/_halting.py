"""Rows: from halt to the safe state on the wire."""

from __future__ import annotations

import time
from functools import partial
from typing import ClassVar

import attrs
import trio
import trio.lowlevel

from labtroupe import Barrier, ChildSpec, Instrument, State, Supervisor, command
from labtroupe.transport import Address, open_transport

from ._harness import MILLISECONDS, OURS, AtMost, Contender, Row
from ._ours import running
from ._wire import ANSWER, devices

QUEUED = 500


@attrs.define(eq=False)
class Heater(Instrument):
    """An instrument that is to be off in the end, and whose device says when it heard of that."""

    resync: ClassVar = (Barrier(b"IDENTIFY?", lambda answer: len(answer) == ANSWER - 1),)

    switched_off: list[int] = attrs.field(factory=list[int])

    @command
    async def heat(self) -> None:
        """Do what takes long: the device does not answer."""
        await self.link.exchange(b"HOLD")

    async def safe_state(self) -> None:
        """Switch off."""
        self.switched_off.append(int(await self.link.exchange(b"OFF")))


async def _halts(count: int) -> float:
    """Return how long one halt in a hundred takes, in seconds."""
    heard: list[int] = []
    taken: list[float] = []
    with devices() as (path,):
        connect = partial(open_transport, Address.parse(f"serial:{path}?baudrate=115200"), holder="heater")

        def make() -> Heater:
            return Heater(Heater.link_to(path, connect), heard)

        supervisor = Supervisor(
            [ChildSpec(name="heater", factory=make, actor_type=Heater, mailbox=QUEUED + 1)]
        )
        async with running(supervisor):
            ref = supervisor.ref("heater", Heater)
            for _ in range(count):
                replies = [ref.send(Heater.heat()) for _ in range(QUEUED + 1)]
                while not replies[0].acted:
                    await trio.lowlevel.checkpoint()
                began = time.perf_counter_ns()
                await supervisor.halt(None, "a benchmark")
                taken.append((heard[-1] - began) * 1e-9)
                supervisor.reset("heater")
                await supervisor.wait_state("heater", State.RUNNING)
    return sorted(taken)[max(0, count * 99 // 100 - 1)]


ROWS = [
    Row(
        name="halt",
        title="from halt to the safe state on the wire, with 500 queued and one running (p99)",
        unit=MILLISECONDS,
        size=100,
        tiny=2,
        contenders=[Contender.on_trio(OURS, _halts)],
        goals=[AtMost(5)],
    ),
]
