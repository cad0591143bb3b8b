"""What one simulated device says, and what goes wrong on the way to its cable."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

import attrs
import trio

from labtroupe.simulation._cable import Cable
from labtroupe.simulation._faults import Faults
from labtroupe.simulation._physics import noise

# Answers on their way.  Those for which there is no room are lost, as in a device's output buffer.
_UNSENT_LIMIT: Final = 1000
_NOISE_LIMIT: Final = 8


def garbage(rng: random.Random, count: int) -> bytes:
    """Return bytes as a wrong baud rate makes them: none is ASCII, none ends a line."""
    return bytes(rng.randrange(0x80, 0x100) for _ in range(count))


@attrs.define(eq=False)
class Outlet:
    """Where answers go out: one cable, whoever of several devices says something.

    Attributes:
        cable: The cable.
        changed: Unparked when a fault has begun or ended.
        sending: One answer at a time: a file descriptor can be waited for by one task only.
    """

    cable: Cable
    changed: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    sending: trio.Lock = attrs.field(factory=trio.Lock, init=False)


@attrs.define(eq=False)
class Voice:
    """The answers of one device, which come one after the other.

    Attributes:
        outlet: Where they go out.
        faults: What is wrong with this device.
        shared: What is wrong with all that share its cable.
    """

    outlet: Outlet
    faults: Faults
    shared: Sequence[Faults] = ()
    _rng: random.Random = attrs.field(factory=lambda: noise(0), init=False)
    _ready: float = attrs.field(default=0.0, init=False)
    # Answers that were ready by then are forgotten.
    _forgotten: float = attrs.field(default=-math.inf, init=False)
    _answers: trio.MemorySendChannel[tuple[float, bytes]] = attrs.field(init=False)
    _unsent: trio.MemoryReceiveChannel[tuple[float, bytes]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the queue of answers that are on their way."""
        self._answers, self._unsent = trio.open_memory_channel[tuple[float, bytes]](_UNSENT_LIMIT)

    def say(self, answer: bytes, latency: float) -> None:
        """Have an answer sent as soon as it is ready: so many seconds after now, and after the one before."""
        self._ready = max(self._ready, trio.current_time()) + latency
        try:
            self._answers.send_nowait((self._ready, answer))
        except trio.WouldBlock:
            return

    def forget(self) -> None:
        """Say nothing of what was not said yet."""
        self._forgotten = self._ready

    async def run(self) -> None:
        """Send the answers when they are ready, or as the faults have it."""
        with self._answers, self._unsent:
            async for ready, answer in self._unsent:
                await self._wait_due(ready)
                if self._is_cut_off() or ready <= self._forgotten:
                    continue
                before = garbage(self._rng, self._rng.randint(1, _NOISE_LIMIT)) if self._has("noise") else b""
                async with self.outlet.sending:
                    await self.outlet.cable.send(before + answer)

    def _all(self) -> Sequence[Faults]:
        return (*self.shared, self.faults)

    def _has(self, fault: str) -> bool:
        now = trio.current_time()
        return any(each.has(fault, now) for each in self._all())

    def _is_cut_off(self) -> bool:
        now = trio.current_time()
        return any(each.out(now) or each.has("mute", now) for each in self._all())

    def _delay(self) -> float:
        now = trio.current_time()
        return sum(each.delay(now) for each in self._all())

    async def _wait_due(self, ready: float) -> None:
        """Wait until an answer that was ready at ``ready`` may go, or no fault makes it late any more."""
        while (due := ready + self._delay()) > trio.current_time():
            with trio.move_on_at(due):
                await self.outlet.changed.park()
