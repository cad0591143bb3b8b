"""One simulated device in a rack, with the cable to it and what is wrong between them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs
import trio

from labtroupe.simulation._cable import Cable
from labtroupe.simulation._device import SimulatedDevice
from labtroupe.simulation._faults import Fault, Faults
from labtroupe.simulation._physics import noise

# Answers on their way.  Those for which there is no room are lost, as in a device's output buffer.
_UNSENT_LIMIT = 1000
# A flood is 100 bytes each 10 ms: 10 kB/s, about what a stuck device does at 115200 baud.
_FLOOD_LINE = 100
_FLOOD_INTERVAL = 0.01
_NOISE_LIMIT = 8


def _garbage(rng: random.Random, count: int) -> bytes:
    """Return bytes as a wrong baud rate makes them: none is ASCII, none ends a line."""
    return bytes(rng.randrange(0x80, 0x100) for _ in range(count))


@attrs.define(eq=False)
class Slot:
    """Keeps a device talking with whoever opens its port.

    Attributes:
        device: What speaks.
        cable: What carries it.
        power: Cancelled to end it, by nothing else.
    """

    device: SimulatedDevice
    cable: Cable
    # Shielded: while a bench is being cancelled, its instruments still bring their devices into a
    # safe state, and want answers.  Bounded by whoever cancels this scope.
    power: trio.CancelScope = attrs.field(factory=lambda: trio.CancelScope(shield=True), init=False)
    _faults: Faults = attrs.field(factory=Faults, init=False)
    _changed: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    _rng: random.Random = attrs.field(factory=lambda: noise(0), init=False)
    _ready: float = attrs.field(default=0.0, init=False)
    _answers: trio.MemorySendChannel[tuple[float, bytes]] = attrs.field(init=False)
    _unsent: trio.MemoryReceiveChannel[tuple[float, bytes]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the queue of answers that are on their way."""
        self._answers, self._unsent = trio.open_memory_channel[tuple[float, bytes]](_UNSENT_LIMIT)

    def faults(self) -> tuple[Fault, ...]:
        """Return the faults that are on now."""
        return self._faults.current(trio.current_time())

    def inject(self, fault: str, arguments: Sequence[str]) -> None:
        """Begin or end a fault; it has taken effect on return."""
        self._faults.inject(fault, arguments, trio.current_time())
        self._settle()

    async def run(self) -> None:
        """Serve until ``power`` is cancelled; what the device raises comes out here, with the port closed."""
        with self.power:
            try:
                async with trio.open_nursery() as nursery, self._answers, self._unsent:
                    nursery.start_soon(self.cable.run, self._hear)
                    nursery.start_soon(self._speak)
                    nursery.start_soon(self._flood)
                    await self._end_faults_in_time()
            finally:
                self.cable.close()

    def _settle(self) -> None:
        """Make the cable what the faults say, and have those look again who wait."""
        if self._faults.has("unplug", trio.current_time()):
            self.cable.unplug()
        else:
            self.cable.plug()
        self._changed.unpark_all()

    async def _end_faults_in_time(self) -> None:
        while True:
            with trio.move_on_at(self._faults.next_end(trio.current_time())):
                await self._changed.park()
            self._settle()

    def _hear(self, data: bytes) -> None:
        """Let the device hear ``data``, and its answers be sent one after the other when they are ready."""
        now = trio.current_time()
        for answer in self.device.receive(data, now):
            self._ready = max(self._ready, now) + self.device.latency
            try:
                self._answers.send_nowait((self._ready, answer))
            except trio.WouldBlock:
                return

    async def _speak(self) -> None:
        async for ready, answer in self._unsent:
            await self._wait_due(ready)
            now = trio.current_time()
            if self._faults.has("mute", now):
                continue
            if self._faults.has("noise", now):
                answer = _garbage(self._rng, self._rng.randint(1, _NOISE_LIMIT)) + answer  # noqa: PLW2901
            await self.cable.send(answer)

    async def _wait_due(self, ready: float) -> None:
        """Wait until an answer that was ready at ``ready`` may go, or no fault makes it late any more."""
        while (due := ready + self._faults.delay(now := trio.current_time())) > now:
            with trio.move_on_at(due):
                await self._changed.park()

    async def _flood(self) -> None:
        while True:
            if self._faults.has("flood", trio.current_time()):
                # Never waits for room: what nobody reads in time is lost.
                self.cable.send_now(_garbage(self._rng, _FLOOD_LINE - 2) + b"\r\n")
                await trio.sleep(_FLOOD_INTERVAL)
            else:
                await self._changed.park()
