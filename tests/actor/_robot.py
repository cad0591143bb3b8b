"""A robot that does as it is told, and keeps a diary that outlives it."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import attrs
import trio

from labtroupe.actor import Actor, ActorRef, Reply, gather, mark_acted
from labtroupe.errors import CommandError, CommandRefused, LinkError, Outcome
from labtroupe.messages import command

from ._lives import Lives, lives


@attrs.define(eq=False)
class Robot(Actor):
    """Works for a while, or in other ways."""

    diary: list[str]

    def note(self, what: str) -> None:
        """Write into the diary what happens, and when."""
        self.diary.append(f"{what} at {trio.current_time():g}")

    @command(timeout=math.inf)
    async def work(self, name: str = "work", seconds: float = 0.0) -> str:
        """Work for a while."""
        self.note(f"begin {name}")
        await trio.sleep(seconds)
        self.note(f"end {name}")
        return name

    @command(timeout=60.0, interruptible=False)
    async def home(self, seconds: float) -> str:
        """Move, and do not stop half-way."""
        self.note("begin home")
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            self.note("cut off")
            raise
        self.note("end home")
        return "home"

    @command(timeout=60.0, interruptible=False)
    async def home_and(self, seconds: float, error: Exception) -> None:
        """Move, and raise at the end."""
        await trio.sleep(seconds)
        raise error

    @command(timeout=60.0, interruptible=False)
    async def home_with(self, other: ActorRef[Robot], seconds: float) -> str:
        """Have another one work."""
        return await other.ask(Robot.work("for another", seconds))

    @command(urgent=True)
    async def off(self, name: str = "off") -> str:
        """Switch off."""
        self.note(name)
        return name

    @command(idempotent=True)
    async def look(self) -> str:
        """Look."""
        return "seen"

    @command(timeout=math.inf)
    async def crash(self, seconds: float = 0.0) -> None:
        """Crash after a while."""
        await trio.sleep(seconds)
        raise OSError("broken")

    @command(timeout=math.inf)
    async def refuse(self) -> None:
        """Say no."""
        raise CommandRefused("no")

    @command(timeout=math.inf)
    async def stubborn(self, seconds: float) -> None:
        """Ignore every cancellation."""
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)

    @command(timeout=math.inf)
    async def relay(self, *others: ActorRef[Robot]) -> str:
        """Ask the first of the others to ask the rest, one through the other."""
        first, *rest = others
        return await first.ask(Robot.relay(*rest) if rest else Robot.work())

    @command(timeout=math.inf)
    async def relay_later(self, seconds: float, *others: ActorRef[Robot]) -> str:
        """Ask others, after a while."""
        await trio.sleep(seconds)
        return await self.relay(*others)

    @command(timeout=math.inf)
    async def ask_all(self, seconds: float, *others: ActorRef[Robot]) -> list[str]:
        """Ask several others at once, after a while, each in a task of its own."""
        await trio.sleep(seconds)
        async with trio.open_nursery() as nursery:
            for other in others:
                nursery.start_soon(other.ask, Robot.work())
        return [other.name for other in others]

    @command(timeout=math.inf)
    async def gather_from(self, seconds: float, *others: ActorRef[Robot]) -> list[str]:
        """Ask several others at once, after a while, and wait for them together."""
        await trio.sleep(seconds)
        await gather(*(other.send(Robot.work()) for other in others))
        return [other.name for other in others]


@attrs.define(eq=False)
class Careful(Robot):
    """Says when it acts."""

    marks_its_acts = True

    @command(timeout=60.0, interruptible=False)
    async def think_then_act(self, seconds: float) -> None:
        """Act only after a while."""
        await trio.sleep(seconds)
        mark_acted()
        self.note("acted")


async def outcome_of(reply: Reply[object]) -> Outcome | None:
    """Wait for a reply to end, and return its outcome."""
    with suppress(CommandError, LinkError):
        await reply
    return reply.outcome


@asynccontextmanager
async def robot(
    diary: list[str] | None = None, *, name: str = "robot", pause: float = 0.0, capacity: int = 16
) -> AsyncGenerator[Lives[Robot]]:
    """Run a robot."""
    kept = [] if diary is None else diary
    async with lives(Robot, lambda: Robot(kept), name=name, pause=pause, capacity=capacity) as s:
        yield s
