"""Many commands for a device full of mischief, with callers that give up at any moment."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final, Literal

import attrs
import trio

from labtroupe.errors import LinkError, LinkLost
from labtroupe.instrument import Barrier, Link, Manners, Quiet, Tag
from labtroupe.simulation._pty_cable import PtyCable
from labtroupe.simulation._tcp_cable import TcpCable
from labtroupe.transport import Address, Transport, open_transport

from ._memory import Device, MemoryTransport, to
from ._mischief import KINDS, PAGES, Mischief, Mood, are_pages, is_note, number_in, same_tag, shape_of, stamp

Via = Literal["memory", "pty", "tcp"]

_QUESTIONS: Final = (*KINDS, b"M", b"ID?")


@attrs.frozen
class Plan:
    """How a device is, and how the link to it gets in step.

    Attributes:
        mood: The device's.
        manners: The link's.
        tagged: Whether the device repeats tags.
    """

    mood: Mood
    manners: Manners
    tagged: bool = False


def barrier(mood: Mood, lateness: float) -> Plan:
    """Return the plan to get in step by a barrier."""
    query = Barrier(b"ID?", shape_of(b"ID?"), lateness=lateness, budget=0.1 + 2 * mood.lateness)
    return Plan(mood, Manners(resync=(query,), unsolicited=is_note))


def quiet(mood: Mood, lateness: float) -> Plan:
    """Return the plan to get in step by waiting."""
    return Plan(mood, Manners(resync=(Quiet(lateness),), unsolicited=is_note))


def tags(mood: Mood, lateness: float) -> Plan:
    """Return the plan to have requests numbered."""
    tag = Tag(same_tag, stamp=stamp, count=100, lateness=lateness)
    return Plan(mood, Manners(resync=(tag,), unsolicited=is_note), tagged=True)


def undeclared(mood: Mood, _: float) -> Plan:
    """Return the plan to open the port again."""
    return Plan(mood, Manners(unsolicited=is_note))


@attrs.define(eq=False)
class Playful(Device):
    """A device in memory, or at the end of a cable, that does what its mischief says."""

    mischief: Mischief = attrs.field(kw_only=True)

    def hear(self, data: bytes) -> None:
        """Take bytes."""
        self.say(self.mischief.hear(data))

    async def speak(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what it says, until cancelled."""
        while True:
            if data := self.due():
                await send(data)
            else:
                await self.wait_due()


@attrs.define(eq=False)
class Halting(Transport):
    """A transport that sometimes hangs in the middle of a request."""

    inside: Transport
    random: Random
    pause: float
    address: Address = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Have the same address."""
        self.address = self.inside.address

    async def send(self, data: bytes) -> None:
        """Send some, pause, and send the rest."""
        at = self.random.randrange(len(data) + 1) if self.random.random() < 0.3 else len(data)
        await self.inside.send(data[:at])
        if at < len(data):
            await trio.sleep(self.pause * self.random.random())
            await self.inside.send(data[at:])

    async def receive(self) -> bytes:
        """Receive."""
        return await self.inside.receive()

    def receive_nowait(self) -> bytes:
        """Receive what is there."""
        return self.inside.receive_nowait()

    async def aclose(self) -> None:
        """Close."""
        await self.inside.aclose()


@attrs.define(eq=False)
class Tally:
    """What has become of the commands.

    Attributes:
        wrong: Questions with the answers that were to others.
        right: How many were answered.
        given_up: How many their callers left.
        failed: How many ended in an error.
        lost: How often the link was opened anew.
        notes: How many lines the device has said by itself.
    """

    wrong: list[tuple[bytes, object]] = attrs.field(factory=list[tuple[bytes, object]])
    right: int = 0
    given_up: int = 0
    failed: int = 0
    lost: int = 0
    notes: int = 0

    def hear_note(self, frame: bytes) -> None:
        """Count what the device says by itself."""
        assert is_note(frame)
        self.notes += 1


@attrs.define(eq=False)
class Caller:
    """Asks a device one thing after the other.

    Attributes:
        plan: How the device is.
        device: It.
        connect: Opens a way to it.
        random: What chooses.
        tally: What has become of it.
    """

    plan: Plan
    device: Playful
    connect: Callable[[], Awaitable[Transport]]
    random: Random
    tally: Tally = attrs.field(factory=Tally)
    _number: int = 0

    async def ask(self, count: int) -> Tally:
        """Ask so often, over as many links as it takes."""
        link = Link("mischief", self.connect, self.plan.manners)
        while self._number < count:
            await link.open(self.tally.hear_note)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(link.listen)
                    await self._ask_over(link, count)
                    nursery.cancel_scope.cancel()
            finally:
                with trio.CancelScope(shield=True):
                    await link.aclose()
            link = link.successor()
        return self.tally

    async def _ask_over(self, link: Link, count: int) -> None:
        while self._number < count:
            self._number += 1
            hurry = self.random.random() < 0.3
            patience = (
                4 * self.plan.mood.pace * self.random.random() if hurry else 5 * self.plan.mood.lateness
            )
            try:
                # As an actor does it, in time of its own; now and then in that of the caller.
                if self.random.random() < 0.9:
                    await link.resync()
                with trio.move_on_after(patience) as scope:
                    await self._ask_one(link, self.random.choice(_QUESTIONS))
                self.tally.given_up += scope.cancelled_caught
            except LinkLost:
                self.tally.lost += 1
                return
            except LinkError:
                self.tally.failed += 1
            if self.random.random() < 0.2:
                await self._idle()

    async def _ask_one(self, link: Link, kind: bytes) -> None:
        # As far as the device has counted when it is asked, so that an older answer is told.
        before, number = self.device.mischief.identities, self._number
        request = kind if kind == b"ID?" else kind + b"%d" % number
        if kind == b"M":
            frames = await link.exchange_many(request, PAGES, are_pages)
        else:
            frames = [await link.exchange(request, shape_of(kind))]
        numbers = {number_in(kind, frame) for frame in frames}
        if min(numbers) > before if kind == b"ID?" else numbers == {number}:
            self.tally.right += 1
        else:
            self.tally.wrong.append((request, frames))

    async def _idle(self) -> None:
        """Leave the device alone for a while, in which it may say something by itself."""
        self.device.say(self.device.mischief.idle())
        await trio.sleep(3 * self.plan.mood.pace * self.random.random())


@asynccontextmanager
async def caller(plan: Plan, seed: int, via: Via, directory: Path) -> AsyncGenerator[Caller]:
    """Run such a device, and make a caller for it."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    device = Playful(mischief=Mischief(random, plan.mood, tagged=plan.tagged))
    pause = 4 * plan.mood.pace
    if via == "memory":

        async def connect_in_memory() -> Transport:
            return Halting(await to(MemoryTransport(device))(), random, pause)

        yield Caller(plan, device, connect_in_memory, random)
        return
    cable = TcpCable() if via == "tcp" else PtyCable(directory / "port")
    cable.plug()
    address = Address.parse(cable.address)

    async def connect() -> Transport:
        return Halting(await open_transport(address, holder="test"), random, pause)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cable.run, device.hear)
            nursery.start_soon(device.speak, cable.send)
            yield Caller(plan, device, connect, random)
            nursery.cancel_scope.cancel()
    finally:
        cable.close()
