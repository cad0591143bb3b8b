"""An actor to stand in for, and what runs a double of it below a real supervisor."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

import attrs
import trio

from labtroupe import Actor, ActorRef, ChildSpec, Range, Supervisor, background, command, every, reading
from labtroupe.testing import Double


@attrs.frozen
class Settings:
    """A value without an empty one."""

    gain: float


@attrs.define(eq=False)
class Thermostat(Actor):
    """A plate heater, of which nothing must be carried out: it is only stood in for."""

    carried_out: ClassVar[list[str]] = []

    address: str

    @every(1.0)
    @reading(timeout=2.0)
    async def temperature(self) -> float:
        """Return the temperature."""
        raise AssertionError("the real one was asked")

    @command(timeout=5.0)
    async def heat(self, celsius: Annotated[float, Range(-196, 600)], *, rate: float = 10.0) -> None:
        """Heat."""
        raise AssertionError(celsius, rate)

    @command(idempotent=True)
    async def settings(self) -> Settings:
        """Return the settings."""
        raise AssertionError("the real one was asked")

    @command(idempotent=True)
    async def log(self, lines: int = 10) -> list[str]:
        """Return the last lines of the log."""
        raise AssertionError(lines)

    @background
    async def watch(self) -> None:
        """Fail at once."""
        raise AssertionError("the real one was running")

    async def on_start(self) -> None:
        """Fail at once."""
        raise AssertionError("the real one was started")

    async def on_stop(self) -> None:
        """Take note, as what fails in here is heard by nobody."""
        self.carried_out.append("on_stop")

    async def safe_state(self) -> None:
        """Fail at once."""
        raise AssertionError("the real one was asked")


@asynccontextmanager
async def supervised(*specs: ChildSpec) -> AsyncGenerator[Supervisor]:
    """Run children below a supervisor whose pauses are the same each time."""
    supervisor = Supervisor(specs, chance=random.Random(1))  # noqa: S311
    with trio.fail_after(3600):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            yield supervisor
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def running(double: Double[Thermostat]) -> AsyncGenerator[ActorRef[Thermostat]]:
    """Run a double below a supervisor, and give the ref to it."""
    async with supervised(double.spec("heater")) as supervisor:
        yield supervisor.ref("heater", Thermostat)
