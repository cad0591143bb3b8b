"""What one simulated device says, and what goes wrong on the way to its cable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from labtroupe.simulation._cable import Cable
from labtroupe.simulation._faults import Faults
from labtroupe.simulation._menu import Fault

# Answers on their way.  Those for which there is no room are lost, as in a device's output buffer.
_UNSENT_LIMIT: Final = 1000


@attrs.define(eq=False)
class Outlet:
    """Where answers go out: one cable, whoever of several devices says something.

    Attributes:
        cable: The cable.
        settle: Called when a fault may have begun.
        changed: Unparked when a fault has begun or ended.
        sending: One answer at a time: a file descriptor can be waited for by one task only.
    """

    cable: Cable
    settle: Callable[[], None]
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
    _ready: float = attrs.field(default=0.0, init=False)
    # How often the device was switched off or cleared; what it had to say before is forgotten.
    _life: int = attrs.field(default=0, init=False)
    _answers: trio.MemorySendChannel[tuple[int, float, bytes]] = attrs.field(init=False)
    _unsent: trio.MemoryReceiveChannel[tuple[int, float, bytes]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the queue of answers that are on their way."""
        self._answers, self._unsent = trio.open_memory_channel[tuple[int, float, bytes]](_UNSENT_LIMIT)

    def say(self, answer: bytes, latency: float) -> None:
        """Have an answer sent as soon as it is ready: so many seconds after now, and after the one before."""
        self._ready = max(self._ready, trio.current_time()) + latency
        try:
            self._answers.send_nowait((self._life, self._ready, answer))
        except trio.WouldBlock:
            return

    def forget(self) -> None:
        """Say nothing of what was not said yet."""
        self._life += 1
        self._ready = 0.0

    async def run(self) -> None:
        """Send the answers when they are ready, or as the faults have it."""
        with self._answers, self._unsent:
            async for life, ready, answer in self._unsent:
                await self._wait_end(life, ready, [])
                since, rest = ready, answer
                # What comes after the beginning of a fault is like an answer of its own.
                while rest and life == self._life:
                    before = min([len(rest), *(each.until_said() for each in self._all())])
                    piece, rest = rest[: int(before)], rest[int(before) :]
                    await self._say(piece, life, since)
                    self._count(len(piece))
                    since = trio.current_time()

    async def _say(self, answer: bytes, life: int, since: float) -> None:
        """Send an answer as the faults have it, late from ``since`` on, unless it is forgotten meanwhile."""
        await self._wait_end(life, since, self._hits("late"))
        if not self._can_say(life) or self._hits("mute"):
            return
        for each in self._all():
            answer = b"".join(each.spoil(answer, trio.current_time()))
        pieces = [answer]
        if splits := self._hits("split"):
            pieces = [answer[at : at + 1] for at in range(len(answer))]
        async with self.outlet.sending:
            for number, piece in enumerate(pieces):
                if number:
                    await self._wait_end(life, trio.current_time(), splits)
                if not self._can_say(life):
                    return
                await self.outlet.cable.send(piece)

    def _count(self, said: int) -> None:
        begun = [each.count(trio.current_time(), said=said) for each in self._all()]
        if any(begun):
            self.outlet.settle()

    def _all(self) -> Sequence[Faults]:
        return (*self.shared, self.faults)

    def _hits(self, name: str) -> Sequence[tuple[Faults, Fault]]:
        """Return the faults ``name`` that are done to the answer which is given now, and whose they are."""
        now = trio.current_time()
        return [(each, fault) for each in self._all() if (fault := each.hit(name, now)) is not None]

    def _can_say(self, life: int) -> bool:
        return life == self._life and not any(each.out(trio.current_time()) for each in self._all())

    async def _wait_end(self, life: int, start: float, hits: Sequence[tuple[Faults, Fault]]) -> None:
        """Wait as long after ``start`` as the faults say that are not over by then; not beyond a life."""
        while life == self._life:
            now = trio.current_time()
            due = start + sum(faults.delay_of(fault, now) for faults, fault in hits)
            if due <= now:
                return
            with trio.move_on_at(due):
                await self.outlet.changed.park()
