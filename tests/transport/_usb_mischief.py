"""Mischief over USB: a device that answers as it likes, in transfers of any size."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from random import Random

import attrs
import trio

from labtroupe.testing._usb import Bed, Pipe, Scope
from labtroupe.transport import Address, Transport, open_transport

from ..instrument._mischief import Mischief  # noqa: TID252 - the tests are no package of their own
from ..instrument._play import Caller, Plan, Playful  # noqa: TID252


@attrs.define(eq=False)
class Nerves:
    """What joins a USB socket, which the bed's thread serves, and a device in trio's.

    All of it is used under the lock of the socket.

    Attributes:
        brain: What answers.
        random: What chooses; not the brain's, which is used in another thread.
        heard: What the socket has taken, and the brain has not.
        halted: Whether the socket takes nothing for a while.
        forgetting: Whether the brain still has to be cleared.
    """

    brain: Playful
    random: Random
    heard: bytearray = attrs.field(factory=bytearray)
    halted: bool = False
    forgetting: bool = False
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    _news: trio.Event = attrs.field(factory=trio.Event)

    def chance(self, probability: float) -> bool:
        """Return whether to do it."""
        return self.random.random() < probability

    def some(self, data: bytes) -> bytes:
        """Return what is taken of ``data``: now and then a beginning, and nothing more for a while."""
        if self.halted or not data:
            return b""
        if self.chance(0.1):
            self.halted = True
            data = data[: self.random.randrange(len(data) + 1)]
        return data

    def hear(self, data: bytes) -> bytes:
        """Pass on what was taken; what it answers comes later."""
        self.heard += data
        self.tell()
        return b""

    def clear(self) -> None:
        """Forget all; it is done a little later."""
        self.heard.clear()
        self.forgetting = True
        self.tell()

    def tell(self) -> None:
        """Wake the brain; from any thread."""
        self._token.run_sync_soon(self._wake)

    def _wake(self) -> None:
        self._news.set()

    async def wait_news(self) -> None:
        """Wait until there is something to hear."""
        await self._news.wait()
        self._news = trio.Event()


class NervousPipe(Pipe):
    """It has two bulk endpoints."""

    def __init__(self, nerves: Nerves) -> None:
        super().__init__()
        self.nerves = nerves

    def take(self, data: bytes) -> int:
        """Take some."""
        taken = self.nerves.some(data)
        self.nerves.hear(taken)
        return len(taken)


class NervousScope(Scope):
    """It speaks USBTMC."""

    def __init__(self, nerves: Nerves) -> None:
        super().__init__(nerves.hear)
        self.nerves = nerves

    def take(self, data: bytes) -> int:
        """Take some."""
        taken = super().take(self.nerves.some(data))
        self.nerves.tell()
        return taken

    def packet(self, room: int) -> bytes:
        """Answer a request with as much of a message as it likes, or with nothing yet."""
        self.piece = self.random_piece()
        self.empty = self.nerves.chance(0.02)
        return super().packet(room)

    def random_piece(self) -> int:
        """Return how many bytes it answers at most."""
        return self.nerves.random.randrange(1, 6) if self.nerves.chance(0.3) else 1 << 30

    def ends(self) -> bool:
        """Return whether there is no more of its message, also later."""
        return not self.answer and not self.nerves.brain.has_more

    def control(self, kind: int, request: int, tag: int) -> bytes | None:
        """Clear the brain too; take back what it likes."""
        self.knows_abort = self.nerves.chance(0.9)
        if request == 5:
            self.nerves.clear()
        if request == 6 and self.nerves.forgetting:
            return b"\2\0"
        return super().control(kind, request, tag)


@contextlib.asynccontextmanager
async def caller(bed: Bed, plan: Plan, number: int, *, raw: bool) -> AsyncGenerator[Caller]:
    """Plug in such a device, which has this number, and make a caller for it."""
    random = Random(number)  # noqa: S311 - repeatable, not secret
    brain = Playful(mischief=Mischief(random, plan.mood, tagged=plan.tagged))
    nerves = Nerves(brain, Random(number))  # noqa: S311 - repeatable, not secret
    socket = NervousPipe(nerves) if raw else NervousScope(nerves)
    socket.number, socket.location, socket.serial_number = number, f"1-{number}", f"SN{number}"
    bed.plug(socket)
    who = f"usb://{socket.vid:04x}:{socket.pid:04x}/{socket.serial_number}"
    address = Address.parse(f"{who}?raw=1" if raw else who)

    async def connect() -> Transport:
        return await open_transport(address, holder=f"caller {number}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_hear, socket, nerves, plan.mood.pace)
        nursery.start_soon(_speak, socket, nerves)
        yield Caller(plan, brain, connect, random)
        nursery.cancel_scope.cancel()


async def _hear(socket: NervousPipe | NervousScope, nerves: Nerves, pace: float) -> None:
    """Let the brain hear what the socket has taken."""
    while True:
        await nerves.wait_news()
        with socket.lock:
            if nerves.forgetting:
                nerves.brain.forget()
                nerves.forgetting = False
            nerves.brain.hear(bytes(nerves.heard))
            nerves.heard.clear()
        if nerves.halted:
            await trio.sleep(4 * pace * nerves.random.random())
            with socket.lock:
                nerves.halted = False
                socket.progress()


async def _speak(socket: NervousPipe | NervousScope, nerves: Nerves) -> None:
    """Let the socket say what the brain does."""
    while True:
        with socket.lock:
            # Nothing is between the two: neither forgotten, nor the end of a message too early.
            if (data := nerves.brain.due()) and not nerves.forgetting:
                socket.say(data)
                socket.progress()
        if not data:
            await nerves.brain.wait_due()
