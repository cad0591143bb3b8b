"""An instrument of labtroupe's own making, and the device at the other end of its transport."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import ClassVar, Final, cast

import attrs
import trio

from labtroupe.actor import Actor
from labtroupe.errors import LinkError, LinkLost
from labtroupe.instrument import Barrier, Instrument
from labtroupe.protocol import Lines
from labtroupe.transport import Address, Transport

from ._actors import Part, Plain, Wire, seek_safety
from ._plans import Goes
from ._record import LEFT, What


@attrs.define(eq=False)
class Port(Wire):
    """The wire to a device that answers in order, each request after its own time.

    The device does not know of lives: what it was asked in one, it may answer in the next.

    Attributes:
        answers: What it is going to say, and when.
        heard: Set when there is another answer to wait for.
    """

    answers: deque[tuple[float, bytes]] = attrs.field(factory=deque[tuple[float, bytes]])
    heard: trio.Event = attrs.field(factory=trio.Event)

    def hear(self, life: int, line: str, *, greets_after: float) -> None:
        """Let the device hear a line."""
        if self.holder != life:
            self.record.violate(f"P12: {self.child}/{life} sends {line!r}, and life {self.holder} is open")
        if line == "ID?":
            self._say("ID", greets_after)
            return
        if self.answers:
            self.record.violate(f"P6: {self.child}/{life} sends {line!r}, and {self.answers} is still owed")
        kind, name, seconds = line.split()
        request = name if name in self.record.requests else ""
        self.record.note(What.SENT, self.child, life=life, request=request, text="" if request else line)
        self._say(f"{kind} {name}", float(seconds))

    def due(self) -> bytes:
        """Return what the device has said until now, which is then no longer there."""
        said = b""
        while self.answers and self.answers[0][0] <= trio.current_time():
            said += self.answers.popleft()[1]
        return said

    def _say(self, answer: str, seconds: float) -> None:
        last = self.answers[-1][0] if self.answers else trio.current_time()
        self.answers.append((max(last, trio.current_time()) + seconds, answer.encode() + b"\n"))
        self.heard.set()
        self.heard = trio.Event()


@attrs.define(eq=False)
class PretendTransport(Transport):
    """A transport whose cable may be pulled, and which notes who uses it after it was closed."""

    address: Address
    of_now: Callable[[], Gauge]
    pulled_at: float
    closed: bool = False
    receiving: bool = False

    @property
    def gauge(self) -> Gauge:
        """Whose it is now."""
        return self.of_now()

    @property
    def port(self) -> Port:
        """The wire."""
        return cast("Port", self.gauge.part.wire)

    async def send(self, data: bytes) -> None:
        """Send at once."""
        self._check()
        plan = self.gauge.plan
        greets_after = math.inf if plan.recovery is Goes.FAILS else plan.recovery_seconds
        for line in filter(None, data.decode().split("\n")):
            self.port.hear(self.gauge.life, line, greets_after=greets_after)

    async def receive(self) -> bytes:
        """Wait for what the device says, or for the cable."""
        self._check()
        if self.receiving:
            self.port.record.violate(f"P5: two tasks of {self.port.child} receive at once")
        self.receiving = True
        try:
            await trio.lowlevel.checkpoint()
            while not (said := self.port.due()):
                self._check()
                next_answer = self.port.answers[0][0] if self.port.answers else math.inf
                with trio.move_on_at(min(next_answer, self.pulled_at)):
                    await self.port.heard.wait()
            return said
        finally:
            self.receiving = False

    def receive_nowait(self) -> bytes:
        """Return what the device has said."""
        self._check()
        return self.port.due()

    async def aclose(self) -> None:
        """Close it at once."""
        self.closed = True

    def _check(self) -> None:
        if self.closed:
            raise trio.ClosedResourceError
        if trio.current_time() >= self.pulled_at:
            self.gauge.note(What.CRASHED, text="pulled")
            raise LinkLost("the cable is out")


# It is never opened: only its name is seen.
_NOWHERE: Final = Address.parse("tcp://127.0.0.1:1")


@attrs.define(eq=False, slots=False, kw_only=True)
class Gauge(Plain, Instrument):
    """An instrument that follows its plan, and the steps it is asked to take."""

    framing = Lines(b"\n")
    resync = (Barrier(b"ID?", lambda answer: answer == b"ID", lateness=1.5, budget=4.0),)
    quarantine_after: ClassVar[float] = 3
    has_left: bool = attrs.field(default=False, init=False)

    @property
    def heritable(self) -> bool:
        """Whether the port is left open: nobody asks who does not do so then."""
        if super().heritable:
            self.note(What.STOPS, text=LEFT)
            self.note(What.STOPPED)
            self.has_left = True
        return self.has_left

    def inherit(self, former: Actor) -> None:
        """Take the port over."""
        super().inherit(former)
        self.part.wire.holder = self.life

    async def on_stop(self) -> None:
        """Clean up as planned, or close what was left to nobody."""
        if not self.has_left:
            await super().on_stop()
        else:
            await self.farewell()
            self.part.wire.close()

    def open_wire(self) -> None:
        """Leave that to `connect`."""

    async def greet(self) -> None:
        """Open the link, and get in step."""
        await Instrument.on_start(self)

    async def farewell(self) -> None:
        """Close the link."""
        await self.link.aclose()

    async def recover(self) -> None:
        """Get in step, or crash."""
        try:
            await super().recover()
        except LinkError:
            self.note(What.CRASHED, text="recovery")
            raise

    async def safe_state(self) -> None:
        """Go into the safe state as planned."""
        await seek_safety(self)

    async def exchange(self, name: str, seconds: float) -> None:
        """Have an exchange, whose answer must be that to this very request."""
        answer = await self._query(name.replace(" ", "-"), "Q", seconds)
        if answer != f"Q {name.replace(' ', '-')}":
            self.part.record.violate(f"L2: #{name} got the answer {answer!r}")

    async def garble(self, name: str, seconds: float) -> None:
        """Have an answer that is none: the link is suspect, and this life ends."""
        await self._query(name, "G", seconds)

    async def _query(self, name: str, kind: str, seconds: float) -> str:
        try:
            return await self.link.query(f"{kind} {name} {seconds}", lambda answer: answer.startswith(b"Q"))
        except LinkError:
            self.note(What.CRASHED, name if name in self.part.record.requests else "")
            raise


def gauges(part: Part) -> Callable[[], Plain]:
    """Return what makes the instrument of each life, whose link succeeds that of the life before."""

    async def connect() -> Transport:
        part.wire.open(part.lives)
        pulled_at = trio.current_time() + made[-1].plan.crashes_after
        return PretendTransport(_NOWHERE, lambda: made[-1], pulled_at)

    made: list[Gauge] = []
    first = Gauge.link_to("pretend", connect)

    def make() -> Plain:
        link = made[-1].link.successor() if made else first
        made.append(Gauge(part=part, life=part.lives, link=link))
        return made[-1]

    return make
