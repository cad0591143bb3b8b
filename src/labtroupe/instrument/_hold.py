"""A bus that one instrument has for itself: several exchanges with nobody else's between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, cast

import attrs
import trio

from labtroupe.actor import Stage
from labtroupe.errors import CommandError, CommandTimeout, ProtocolError

if TYPE_CHECKING:
    # They need each other: a bus takes holds, which work on a bus.
    from labtroupe.instrument._bus import Bus

R = TypeVar("R")
T = TypeVar("T")


@attrs.define(eq=False)
class _Errand:
    """One thing that the holder asks for.

    Attributes:
        work: What.
        ended: Set when it is done, or was refused.
        value: What came of it.
        error: Why it was refused.
    """

    work: Callable[[Bus], Awaitable[object]]
    ended: trio.Event = attrs.field(factory=trio.Event)
    value: object = None
    error: CommandError | None = None

    async def run(self, bus: Bus) -> None:
        """Do it; to refuse it is no failure of the bus."""
        try:
            self.value = await self.work(bus)
        except CommandError as error:
            self.error = error
        self.ended.set()


@attrs.define(eq=False)
class Hold:
    """What joins a bus with the one instrument that has it for itself.

    All that goes over the wire is the bus's to finish, also if the holder leaves meanwhile.

    Attributes:
        begun: Set when the bus serves nobody else.
    """

    begun: trio.Event = attrs.field(factory=trio.Event, init=False)
    _errand: _Errand | None = attrs.field(default=None, init=False)
    _over: bool = attrs.field(default=False, init=False)
    _changed: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    async def ask(self, work: Callable[[Bus], Awaitable[R]]) -> R:
        """Have the bus do something, and return what comes of it; for the holder.

        Raises:
            CommandError: That of the work.
        """
        errand = self._errand = _Errand(work)
        self._changed.unpark_all()
        await errand.ended.wait()
        if errand.error is not None:
            raise errand.error
        return cast("R", errand.value)

    def let_go(self) -> None:
        """Let the bus serve others again; for the holder."""
        self._over = True
        self._changed.unpark_all()

    async def serve(self, bus: Bus, longest: float) -> None:
        """Do what the holder asks for until it lets go; for the bus.

        Raises:
            CommandTimeout: It has not let go after ``longest`` seconds; nothing more is done for it.
        """
        self.begun.set()
        end = trio.current_time() + longest
        while not self._over:
            if trio.current_time() >= end:
                text = f"one instrument has held the bus for {longest:g} s, and others wait"
                raise CommandTimeout(text, stage=Stage.RUNNING, elapsed=longest)
            if self._errand is None:
                with trio.move_on_at(end):
                    await self._changed.park()
            else:
                errand, self._errand = self._errand, None
                await errand.run(bus)


def harmless(check: Callable[[T], bool]) -> Callable[[T], bool]:
    """Return a check of an instrument's that cannot crash the bus: what it raises is no answer."""

    def checked(found: T) -> bool:
        try:
            return check(found)
        except Exception as error:
            raise ProtocolError(f"what came could not be checked: {error!r}") from error

    return checked
