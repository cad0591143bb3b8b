"""The link: one exchange at a time over one wire, in step or suspect.

*In step* means that nothing is owed on the wire: what comes next will be the
answer to what is asked next.  An exchange that is left in any way but success,
by an error, a cancellation or a deadline, leaves the link *suspect*: an answer
may still come, and it would be taken for the answer to the next question.
Nothing is delivered over a suspect link before a resync has proved it in step.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from labtroupe.actor import mark_acted
from labtroupe.errors import CommandError, LinkLost, ProtocolError
from labtroupe.instrument._acquaintance import Acquaintance
from labtroupe.instrument._debts import Debts
from labtroupe.instrument._manners import Manners
from labtroupe.instrument._recorder import FlightRecorder
from labtroupe.instrument._resync import Quiet, try_all
from labtroupe.instrument._turns import Turns
from labtroupe.instrument._wire import SHOWN, Wire, anything, ignore, to_ascii
from labtroupe.transport import Transport

# Seconds without an exchange after which the wire is listened to; a pulled cable is noticed soon after.
_IDLE: Final = 0.05

# Frames that one answer may have at most, as a device may send on and on.
_MOST_FRAMES: Final = 100_000

# A new link is suspect too: somebody may have asked something before us.
_NEW: Final = "just opened"

# Where nothing is declared, and something is owed: a serial device does not notice that its port is new.
_REOPENED: Final = Quiet(1.0)


@attrs.define(eq=False)
class Link:
    """The way to one device: each answer to its own question.

    Attributes:
        address: Where it leads, for people.
        manners: How the device talks, and how to get in step with it.
        recorder: Its latest frames, those of former lives included.
        acquaintance: Who the device is to be, and who it was in former lives.
        suspicion: Why the link is suspect; ``None`` if it is in step.
    """

    address: str
    _connect: Callable[[], Awaitable[Transport]]
    manners: Manners = Manners()
    recorder: FlightRecorder = attrs.field(factory=FlightRecorder)
    acquaintance: Acquaintance = attrs.field(factory=Acquaintance)
    _debts: Debts = attrs.field(factory=Debts)
    _wire: Wire | None = attrs.field(default=None, init=False)
    _turns: Turns = attrs.field(factory=Turns, init=False)
    # Requests sent so far, for those whose manners have them numbered.
    _sent: int = attrs.field(default=0)
    suspicion: str | None = attrs.field(default=_NEW, init=False)

    @property
    def in_step(self) -> bool:
        """Whether nothing is owed on the wire."""
        return self.suspicion is None

    @property
    def heritable(self) -> bool:
        """Whether the link of the next life can `take_over` the port, and get in step."""
        return self._wire is not None and (self.in_step or bool(self.manners.resync))

    def successor(self) -> Link:
        """Return a closed link for the next life, which knows what this one is still owed.

        The device does not know of our lives: what it was asked in one, it may answer in the next.
        """
        return attrs.evolve(self)

    def take_over(self, former: Link) -> None:
        """Take the open port of the link of a former life, with what that has left on it."""
        self._wire, former._wire = former._wire, None
        self.suspicion = former.suspicion or _NEW

    async def open(self, on_unsolicited: Callable[[bytes], None] = ignore) -> None:
        """Open the transport, unless it was taken over; the link is suspect until its first resync.

        Args:
            on_unsolicited: Told each frame that the device sends by itself, as soon as it has come.

        Raises:
            Unavailable: Nobody is there, or somebody else holds the port.
        """
        if self._wire is None:
            # Before anything is open: a framing of the user's own may fail.
            decoder = self.manners.framing.decoder()
            transport = self.recorder.tap(await self._connect())
            self._debts.begin_anew(self.manners.lateness)
            self._wire = Wire(self.address, self._debts, self.manners, transport, decoder)
        self._wire.on_unsolicited = on_unsolicited

    async def aclose(self) -> None:
        """Close the transport, if it is open."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.aclose()

    async def exchange(self, request: bytes, accepts: Callable[[bytes], bool] = anything) -> bytes:
        """Send a request and return its answer, both without framing.

        Args:
            request: What to send.
            accepts: The shape check: whether a frame can be an answer to this request.

        Raises:
            ArgumentError: It cannot be sent as one request; nothing was sent.
            DeviceSilent: Nothing came for as long as the device is never silent; the link is suspect.
            LinkLost: The connection broke.
            ProtocolError: What came back is not an answer; the link is suspect.
        """
        async with self._turns:
            wire, sent = await self._ask(request)
            answer = await wire.answer(sent)
            if not accepts(answer):
                raise self._no_answer(answer, request)
            self._trust()
        return answer

    async def exchange_many(
        self,
        request: bytes,
        until: int | Callable[[bytes], bool],
        accepts: Callable[[Sequence[bytes]], bool] = anything,
    ) -> list[bytes]:
        """Send a request, and return its answer in several frames.

        Args:
            request: What to send.
            until: How many frames there are; or whether one is the last, which is returned too.
            accepts: The shape check, after each: whether the frames so far can be an answer or its beginning.

        Raises:
            ProtocolError: What came back is not an answer, or has no end; the link is suspect.
            LabtroupeError: The others of `exchange`.
        """
        frames: list[bytes] = []
        async with self._turns:
            wire, sent = await self._ask(request)
            while not frames or not (until(frames[-1]) if callable(until) else len(frames) >= until):
                frames.append(await wire.answer(sent))
                if not accepts(frames) or len(frames) > _MOST_FRAMES:
                    raise self._no_answer(frames[-1], request)
            self._trust()
        return frames

    async def send(self, request: bytes) -> None:
        """Send a request to which the device does not answer.

        Raises:
            ArgumentError: It cannot be sent as one request; nothing was sent.
            LinkLost: The connection broke.
        """
        async with self._turns:
            await self._ask(request)
            self._trust()

    async def query(self, request: str, accepts: Callable[[bytes], bool] = anything) -> str:
        """Exchange text: like `exchange`, in ASCII.

        Raises:
            ArgumentError: It is not ASCII, or cannot be sent as one request; nothing was sent.
            ProtocolError: What came back is not an answer, or not ASCII; the link is suspect.
            LabtroupeError: The others of `exchange`.
        """
        answer = await self.exchange(to_ascii(request), lambda frame: frame.isascii() and accepts(frame))
        return answer.decode("ascii")

    async def write(self, request: str) -> None:
        """Send text to which the device does not answer, in ASCII.

        Raises:
            ArgumentError: It is not ASCII, or cannot be sent as one request; nothing was sent.
            LinkLost: The connection broke.
        """
        await self.send(to_ascii(request))

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        """Have the wire for several exchanges, with nobody else's between them.

        Left by a cancellation or an error, the link is suspect: what was begun may be half done.
        A `CommandError` is an answer, and leaves it as it is.  Only the task that has entered can
        use the link meanwhile; all others wait.
        """
        async with self._turns:
            try:
                yield
            except CommandError:
                raise
            except BaseException:
                self.suspicion = self.suspicion or "a transaction was cut off"
                raise

    async def resync(self) -> None:
        """Get in step, or raise; returns at once if the link is.

        Raises:
            LinkLost: It cannot be done: no way that is declared has worked, or none is declared.
        """
        async with self._turns:
            await self._get_in_step(self._open_wire())

    async def listen(self) -> None:
        """Notice what happens on the wire between exchanges; runs until cancelled, as one task.

        Raises:
            LinkLost: The connection broke.
        """
        while True:
            before = self._turns.count
            # Under steady traffic the exchanges notice by themselves, and have nobody to send away.
            await trio.sleep(_IDLE)
            if before == self._turns.count and not self._turns.taken:
                wire = self._open_wire()
                with self._turns.listening():
                    while True:
                        await wire.overhear()
                        self._look(wire)

    async def _ask(self, request: bytes) -> tuple[Wire, bytes]:
        """Send a request over a link that is in step, and return it as it was sent.

        Suspect first and trusted last, so that every way out but success
        leaves the link suspect: an error, a cancellation, a deadline.
        """
        wire, tag = self._open_wire(), self.manners.tag
        stamped = request if tag is None else tag.stamped(request, self._sent)
        try:
            data = wire.encode(stamped)
        except TypeError as error:
            raise TypeError(f"{request!r} is no bytes; text goes with `query` or `write`") from error
        await self._get_ready(wire, stamped)
        mark_acted()
        self.suspicion = f"{request!r} was cut off"
        self._sent += 1
        await wire.send(stamped, data)
        return wire, stamped

    async def _get_ready(self, wire: Wire, request: bytes) -> None:
        """Wait until a request may be sent, so that nothing comes between that and its first byte."""
        while True:
            await self._get_in_step(wire)
            not_before = wire.not_before(request)
            if not_before <= trio.current_time():
                return
            await trio.sleep_until(not_before)

    async def _get_in_step(self, wire: Wire) -> None:
        self._look(wire)
        while self.suspicion is not None:
            await self._resync(wire)
            self._look(wire)

    async def _resync(self, wire: Wire) -> None:
        """Try what is declared; a port that was just opened is trusted if nothing is, and nothing is owed."""
        new = self.suspicion is _NEW
        strategies = self.manners.resync or ((_REOPENED,) if new and self._debts.any else ())
        if strategies or not new:
            failure = await try_all(strategies, wire)
            if failure is not None:
                raise LinkLost(f"{self.address}: out of step ({self.suspicion}): {failure}")
        self.suspicion = None

    def _look(self, wire: Wire) -> None:
        """Become suspect if there is input that nobody has asked for."""
        stray = wire.take_stray()
        if stray is not None:
            self.suspicion = self.suspicion or stray
            self._debts.unasked = True
            wire.drop_input()

    def _trust(self) -> None:
        self.suspicion = None
        self._debts.settle()

    def _no_answer(self, frame: bytes, request: bytes) -> ProtocolError:
        return ProtocolError(f"{self.address}: {frame[:SHOWN]!r} is no answer to {request!r}")

    def _open_wire(self) -> Wire:
        if self._wire is None:
            raise LinkLost(f"{self.address}: the link is closed; the base's `on_start` opens it")
        return self._wire
