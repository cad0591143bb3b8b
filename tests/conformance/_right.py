"""Drivers that are right, of styles that a check may take for wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Annotated, ClassVar

import attrs
import trio

from labtroupe import Instrument, Lines, Range, command, every, reading
from labtroupe.instrument import Quiet
from labtroupe.protocol import Echoed, FixedLength
from labtroupe.simulation import SimulatedDevice

from ._drivers import Bath, Good, is_ok


@attrs.define(eq=False)
class EchoingBath(Bath):
    """Sends back each byte as it comes."""

    def hear(self, data: bytes) -> Sequence[bytes]:
        """Echo, and answer."""
        return [data, *super().hear(data)]


@attrs.define(eq=False)
class Echoing(Good):
    """Its device sends back what it hears."""

    framing = Echoed(Lines(b"\n"))
    simulation = f"sim:{__name__}:EchoingBath"


@attrs.define(eq=False)
class ChattyBath(Bath):
    """Says some things by itself."""

    def respond(self, data: bytes, now: float) -> Sequence[tuple[float, bytes]]:
        """Say something before each answer, and long after it."""
        answers = super().respond(data, now)
        return [
            said for _, answer in answers for said in ((0.004, b"!OPEN\n"), (0.01, answer), (0.5, b"!SHUT\n"))
        ]


def is_report(frame: bytes) -> bool:
    """Return whether the device says something by itself."""
    return frame.startswith(b"!")


@attrs.define(eq=False)
class Chatty(Good):
    """Its device reports the end of what it has acknowledged."""

    simulation = f"sim:{__name__}:ChattyBath"

    unsolicited = is_report


@attrs.define(eq=False)
class Patient(Good):
    """Can wait until something has come about, which never does here; and has more that it can be told."""

    simulation = f"sim:{Bath.__module__}:Bath"

    @command(timeout=math.inf)
    async def wait_hot(self) -> None:
        """Wait until it is hot."""
        while await self._read() < 90:  # noqa: ASYNC110 - the device has no events
            await trio.sleep(1)

    @command(timeout=60.0, interruptible=False)
    async def settle(self) -> None:
        """Take a while that cannot be cut short."""
        await self.link.query("T 0.00", is_ok)
        await trio.sleep(30)


@attrs.define(eq=False)
class Mute(Bath):
    """Never answers."""

    has_identity: ClassVar[bool] = False

    def answer(self, request: bytes) -> bytes | None:
        """Do it."""
        super().answer(request)
        return None


@attrs.define(eq=False)
class Unheard(Instrument):
    """Its device never answers."""

    framing = Lines(b"\n")
    simulation = f"sim:{__name__}:Mute"

    @command(idempotent=True)
    async def off(self) -> None:
        """Switch off."""
        await self.link.write("T 0")

    @command(idempotent=True)
    async def keep(self, celsius: Annotated[float, Range(0.0, 100.0)]) -> None:
        """Keep a temperature."""
        await self.link.write(f"T {celsius}")

    async def safe_state(self) -> None:
        """Switch off."""
        await self.off()


@attrs.define(eq=False)
class LooksOften(Good):
    """Has its device asked all the time."""

    simulation = f"sim:{Bath.__module__}:Bath"

    @every(0.01)
    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        return await self._read()


@attrs.define(eq=False)
class Prompt(Bath):
    """Answers in no time at all."""

    latency: float = attrs.field(default=0.0, converter=float, kw_only=True)


@attrs.define(eq=False)
class ReadsTable(Good):
    """Asks very often for one answer."""

    simulation = f"sim:{__name__}:Prompt"

    @command
    async def read_table(self) -> float:
        """Read many points, and return their sum."""
        return sum([await self._read() for _ in range(300)])


@attrs.define(eq=False)
class InThreads(Good):
    """Works out what it has read in a thread."""

    simulation = f"sim:{Bath.__module__}:Bath"

    async def _read(self) -> float:
        value = await super()._read()
        await trio.to_thread.run_sync(time.sleep, 0.002)
        return value


@attrs.define(eq=False)
class Cell(SimulatedDevice):
    """Answers four bytes with four, and drops half a request that does not go on."""

    _half: bytes = attrs.field(default=b"", init=False)
    _heard: float = attrs.field(default=0.0, init=False)

    def receive(self, data: bytes, now: float) -> Sequence[bytes]:
        """Take data in."""
        if now - self._heard > 0.1:
            self._half = b""
        self._heard = now
        return super().receive(data, now)

    def hear(self, data: bytes) -> Sequence[bytes]:
        """Answer each four bytes."""
        self._half += data
        whole = len(self._half) // 4
        self._half = self._half[4 * whole :]
        return [b"t020"] * whole


@attrs.define(eq=False)
class Fixed(Instrument):
    """Any four bytes are a frame to it, also those of a flood."""

    framing = FixedLength(4)
    resync = (Quiet(0.5),)
    simulation = f"sim:{__name__}:Cell"

    @reading
    async def temperature(self) -> float:
        """Read the temperature."""
        answer = await self.link.exchange(b"T000", lambda frame: frame[:1] == b"t" and frame[1:].isdigit())
        return float(answer[1:])
