"""A bench of instruments without ports, whose devices come, go and answer as a test wants."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import attrs
import trio

from labtroupe import Bench, Instrument, command, open_bench, when_idle
from labtroupe.errors import CommandRefused, DeviceAbsent, LinkLost


@attrs.define(eq=False)
class Behaviour:
    """How one device behaves.

    Attributes:
        absent: Why it cannot be opened; empty if it can.
        appears_at: Until when, on trio's clock, it cannot.
        opening: Seconds that takes.
        deaf: Whether opening it cannot be cancelled, as some libraries' cannot.
        mended_by: The opening, counted from 1, from which on it answers again; 0 for none.
        answer: What it does when it is asked whether it is there.
        opened: When it was, or was tried to be.
    """

    absent: str = ""
    appears_at: float = -1.0
    opening: float = 0.1
    deaf: bool = False
    answer: Exception | None = None
    mended_by: int = 0
    opened: list[float] = attrs.field(factory=list[float])


@attrs.define(eq=False)
class World:
    """All devices.

    Attributes:
        opening: How many are being opened now.
        peak: The most there have been.
    """

    devices: dict[str, Behaviour] = attrs.field(factory=dict[str, Behaviour])
    opening: int = 0
    peak: int = 0

    def __getitem__(self, name: str) -> Behaviour:
        """Return how one behaves."""
        return self.devices.setdefault(name, Behaviour())


@attrs.define(eq=False)
class Device(Instrument):
    """An instrument whose link is never opened: its device is in the test."""

    world: ClassVar[World] = World()
    device: str = ""

    async def on_start(self) -> None:
        """Open the device, as the test wants it."""
        world, behaviour = self.world, self.world[self.device]
        behaviour.opened.append(trio.current_time())
        if len(behaviour.opened) == behaviour.mended_by:
            behaviour.answer = None
        world.opening += 1
        world.peak = max(world.peak, world.opening)
        try:
            with trio.CancelScope(shield=behaviour.deaf):
                await trio.sleep(behaviour.opening)
        finally:
            world.opening -= 1
        if behaviour.absent or trio.current_time() < behaviour.appears_at:
            raise DeviceAbsent(behaviour.absent or "no such device")

    async def on_stop(self) -> None:
        """Close nothing."""

    async def _listen(self) -> None:
        """Hear nothing."""

    @property
    def suspicion(self) -> str | None:
        """It is always in step."""
        return None

    @when_idle(3600.0)
    @command(timeout=2.0, idempotent=True)
    async def ping(self) -> None:
        """Prove that the device is there."""
        answer = self.world[self.device].answer
        if isinstance(answer, LinkLost | CommandRefused):
            raise answer
        if answer is not None:
            await trio.sleep_forever()

    @command
    async def work(self) -> str:
        """Do something."""
        return self.device


def table(name: str, **keys: str) -> str:
    """Return the table of one device."""
    # Never opened, but no two may have the same.
    address = f"tcp://{name}.invalid:9"
    keys = {"kind": f'"{__name__}:Device"', "address": f'"{address}"', "device": f'"{name}"'} | keys
    return f"[instruments.{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


@asynccontextmanager
async def opened(
    tmp_path: Path, names: Iterable[str] | str, *, seconds: float = 60.0
) -> AsyncGenerator[tuple[Bench, World]]:
    """Open a bench, in which all is over after so many seconds."""
    text = names if isinstance(names, str) else "\n".join(map(table, names))
    (tmp_path / "world.toml").write_text(text)
    try:
        with trio.fail_after(seconds):
            async with open_bench(tmp_path / "world.toml") as bench:
                yield bench, Device.world
    finally:
        Device.world = World()
