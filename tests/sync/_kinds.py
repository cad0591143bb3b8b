"""Instruments whose answers are all that a command may answer with."""

from __future__ import annotations

import contextlib
import enum
import math
import time
from typing import Annotated, ClassVar

import attrs
import trio

from labtroupe import CommandError, Range, Unit, command
from labtroupe.actor import mark_acted
from labtroupe.kinds import LinkamT95


class Colour(enum.Enum):
    """Not a text, as the members of most enums."""

    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Point:
    """A record."""

    x: float
    y: float
    colour: Colour = Colour.RED


class Jammed(CommandError):
    """The lid does not open."""

    code = "jammed"
    remedy = "Push."


@attrs.define(eq=False)
class Everything(LinkamT95):
    """Answers with all kinds of values."""

    released: ClassVar[bool] = False

    began: int = 0
    cancelled: int = 0

    @command
    async def double(self, number: Annotated[float, Range(-10, 10), Unit("V")]) -> float:
        """Twice a number."""
        return 2 * number

    @command
    async def nothing(self) -> None:
        """Answer nothing."""

    @command
    async def infinities(self) -> list[float]:
        """All that is not finite."""
        return [math.nan, math.inf, -math.inf]

    @command
    async def swap(self, point: Point) -> Point:
        """Swap the coordinates."""
        return Point(point.y, point.x, Colour.BLUE)

    @command
    async def colour(self, colour: Colour = Colour.RED) -> Colour:
        """Give a colour back."""
        return colour

    @command
    async def table(self) -> dict[str, float]:
        """A table, with a key that looks like a mark."""
        return {"$float": math.inf}

    @command
    async def raw(self, data: bytes = b"\x00\xff") -> bytes:
        """Give bytes back."""
        return data

    @command
    async def slots(self, numbers: list[int], *, on: bool = False) -> tuple[int, bool]:
        """Take a list, and a switch by name."""
        return sum(numbers), on

    @command
    async def wait(self, timeout: float = 0.0) -> float:  # noqa: ASYNC109 - a name a driver may choose
        """Has an argument of this name itself."""
        return timeout

    @command(timeout=60.0)
    async def sleep(self) -> None:
        """Take long, and count how often."""
        mark_acted()
        self.began += 1
        try:
            await trio.sleep(50)
        except trio.Cancelled:
            self.cancelled += 1
            raise

    @command
    async def deaf(self) -> None:
        """Do not hear that it is cancelled, until somebody has mercy."""
        while not Everything.released:
            with contextlib.suppress(trio.Cancelled):
                await trio.sleep(0.01)

    @command(timeout=0.2)
    async def block(self) -> None:
        """Hold up the whole loop."""
        time.sleep(1.2)  # noqa: ASYNC251 - the fault it is about

    @command
    async def counts(self) -> list[int]:
        """How often it slept, and was cancelled."""
        return [self.began, self.cancelled]

    @command
    async def jam(self) -> None:
        """Fail with an error of its own."""
        raise Jammed("the lid is jammed")

    @command
    async def crash(self) -> None:
        """Have a fault."""
        raise ZeroDivisionError


class Slow(LinkamT95):
    """Takes long to start."""

    async def on_start(self) -> None:
        """Take long."""
        await trio.sleep(50)
