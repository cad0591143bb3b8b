"""The link: one exchange at a time over one transport, in step or suspect.

*In step* means that nothing is owed on the wire: what comes next will be the
answer to what is asked next.  An exchange that is left in any way but success,
by an error, a cancellation or a deadline, leaves the link *suspect*: an answer
may still come, and it would be taken for the answer to the next question.
Nothing is delivered over a suspect link before a resync has proved it in step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import attrs
import trio

from labtroupe.actor import mark_acted
from labtroupe.errors import LinkLost, ProtocolError
from labtroupe.instrument._barrier import Barrier
from labtroupe.instrument._recorder import FlightRecorder
from labtroupe.instrument._wire import Listener, Owed, to_ascii
from labtroupe.protocol import Decoder, Framing
from labtroupe.transport import Transport

# Bytes of unexpected input that an error shows.
_SHOWN: Final = 40

# Seconds without an exchange after which the wire is listened to; a pulled
# cable is noticed within this and the time the system takes to say so.
_IDLE: Final = 0.05

# Requests without an answer that a link remembers; more means that the device is not there.
_OWED_AT_MOST: Final = 64

# A new link is suspect too: somebody may have asked something before us.
_NEW: Final = "just opened"


def _anything(_: bytes) -> bool:
    return True


@attrs.define(eq=False)
class Link:
    """Transport and framing together: each answer to its own question.

    Attributes:
        address: Where it leads, for people.
        framing: How requests become bytes and bytes answers.
        barrier: How to get in step again; without one, a suspect link is lost and opened anew.
        recorder: Its latest frames, those of former lives included.
    """

    address: str
    _connect: Callable[[], Awaitable[Transport]]
    framing: Framing
    barrier: Barrier | None = None
    recorder: FlightRecorder = attrs.field(factory=FlightRecorder)
    # The requests whose answers may still come, the oldest first.
    _owed: deque[Owed] = attrs.field(factory=lambda: deque[Owed](maxlen=_OWED_AT_MOST))
    # Whether half a command may be waiting in the device.
    _cut_short: bool = False
    _transport: Transport | None = attrs.field(default=None, init=False)
    _decoder: Decoder = attrs.field(init=False)
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _exchanges: int = attrs.field(default=0, init=False)
    _listener: Listener | None = attrs.field(default=None, init=False)
    _suspicion: str | None = attrs.field(default=_NEW, init=False)

    def __attrs_post_init__(self) -> None:
        """Start with an empty decoder."""
        self._decoder = self.framing.decoder()

    @property
    def suspicion(self) -> str | None:
        """Why the link is suspect; ``None`` if it is in step."""
        return self._suspicion

    @property
    def in_step(self) -> bool:
        """Whether nothing is owed on the wire."""
        return self._suspicion is None

    def successor(self) -> Link:
        """Return a closed link for the next life, which knows what this one is still owed.

        The device does not know of our lives: what it was asked in one, it may answer in the next.
        """
        return attrs.evolve(self)

    async def open(self) -> None:
        """Open the transport; the link is suspect until its first resync.

        Raises:
            Unavailable: Nobody is there, or somebody else holds the port.
        """
        self._transport = self.recorder.tap(await self._connect())

    async def aclose(self) -> None:
        """Close the transport, if it is open."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def exchange(self, request: bytes, accepts: Callable[[bytes], bool] = _anything) -> bytes:
        """Send a request and return its answer, both without framing.

        Args:
            request: What to send.
            accepts: The shape check: whether a frame can be an answer to this request.

        Raises:
            ArgumentError: It cannot be sent as one request; nothing was sent.
            LinkLost: The connection broke.
            ProtocolError: What came back is not an answer; the link is suspect.
        """
        data = self.framing.encode(request)
        async with self._taken():
            await self._get_in_step()
            mark_acted()
            with self._owing(request):
                await self._send(data)
                answer = await self._receive()
                if not accepts(answer):
                    raise ProtocolError(f"{self.address}: {answer[:_SHOWN]!r} is no answer to {request!r}")
        return answer

    async def send(self, request: bytes) -> None:
        """Send a request to which the device does not answer.

        Raises:
            ArgumentError: It cannot be sent as one request; nothing was sent.
            LinkLost: The connection broke.
        """
        data = self.framing.encode(request)
        async with self._taken():
            await self._get_in_step()
            mark_acted()
            with self._owing(request):
                await self._send(data)

    async def query(self, request: str, accepts: Callable[[bytes], bool] = _anything) -> str:
        """Exchange text: like `exchange`, in ASCII.

        Raises:
            ArgumentError: It is not ASCII, or cannot be sent as one request; nothing was sent.
            LinkLost: The connection broke.
            ProtocolError: What came back is not an answer, or not ASCII.
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

    async def resync(self) -> None:
        """Get in step, or raise; returns at once if the link is.

        Raises:
            LinkLost: No barrier is declared, or its answer did not come in time.
        """
        async with self._taken():
            await self._get_in_step()

    async def listen(self) -> None:
        """Notice what happens on the wire between exchanges; runs until cancelled, as one task.

        Raises:
            LinkLost: The connection broke.
        """
        while True:
            before = self._exchanges
            # Under steady traffic the exchanges notice by themselves, and
            # should not have to send us away each time.
            await trio.sleep(_IDLE)
            if before == self._exchanges and not self._lock.locked():
                await self._wait_stray()

    async def _wait_stray(self) -> None:
        """Wait for input nobody asked for, or until an exchange wants the wire."""
        self._listener = listener = Listener()
        try:
            with listener.scope:
                self._suspect_stray(await self._open_transport().receive())
        finally:
            self._listener = None
            listener.left.set()

    @asynccontextmanager
    async def _taken(self) -> AsyncGenerator[None]:
        """Have the wire for oneself: one exchange at a time, and no listener."""
        async with self._lock:
            self._exchanges += 1
            if self._listener is not None:
                self._listener.scope.cancel("an exchange begins")
                await self._listener.left.wait()
            yield

    async def _get_in_step(self) -> None:
        # Input nobody asked for: an answer given up long ago, or the device
        # has been switched on and says so.  Either way we are out of step.
        stray = self._decoder.pending + self._open_transport().receive_nowait()
        if stray:
            self._suspect_stray(stray)
        if self._suspicion is None:
            return
        self._decoder.clear()
        if self.barrier is not None:
            await self._pass(self.barrier)
        elif self._suspicion is not _NEW:
            raise LinkLost(f"{self.address}: out of step ({self._suspicion}), and no barrier is declared")
        self._trust()

    async def _pass(self, barrier: Barrier) -> None:
        """Send the barrier's query and drop everything until it is answered.

        As a device answers in order, the last answer to as many such queries as
        are owed is ours.  Some may have been lost: then ours is the one after
        which nothing comes for as long as the device has been seen to be late.
        """
        if self._cut_short:
            # Ends the half of a command, which would swallow the query.
            await self._send(self.framing.encode(b""))
        self._owe(barrier.query)
        await self._send(self.framing.encode(barrier.query))
        wait_until = trio.current_time() + barrier.budget
        answered = False
        while alike := [owed for owed in self._owed if owed.request == barrier.query]:
            with trio.move_on_at(wait_until) as quiet:
                await self._drop_until(barrier.accepts)
            if quiet.cancelled_caught:
                break
            answered = True
            self._owed.remove(alike[0])
            delay = trio.current_time() - alike[0].sent_at
            latest = alike[1].sent_at + delay if len(alike) > 1 else 0.0
            wait_until = max(latest, trio.current_time()) + barrier.lateness
        if not answered:
            raise LinkLost(f"{self.address}: no answer to {barrier.query!r} within {barrier.budget:g} s")

    async def _drop_until(self, accepts: Callable[[bytes], bool]) -> None:
        while not accepts(await self._receive_anything()):
            pass

    @contextmanager
    def _owing(self, request: bytes) -> Generator[None]:
        # Suspect first and trusted last, so that every way out but success
        # leaves the link suspect: an error, a cancellation, a deadline.
        self._suspicion = f"{request!r} was cut off"
        self._owe(request)
        yield
        self._trust()

    def _suspect_stray(self, stray: bytes) -> None:
        self._suspicion = self._suspicion or f"{stray[:_SHOWN]!r} came without being asked for"

    def _owe(self, request: bytes) -> None:
        self._owed.append(Owed(request, trio.current_time()))

    def _trust(self) -> None:
        self._suspicion = None
        self._owed.clear()

    async def _send(self, data: bytes) -> None:
        self._cut_short = True
        await self._open_transport().send(data)
        self._cut_short = False

    async def _receive(self) -> bytes:
        while (frame := self._decoder.next_frame()) is None:
            self._decoder.feed(await self._open_transport().receive())
        return frame

    async def _receive_anything(self) -> bytes:
        """Receive the next frame, whatever garbage comes before it."""
        while True:
            try:
                return await self._receive()
            except ProtocolError:
                continue

    def _open_transport(self) -> Transport:
        if self._transport is None:
            raise LinkLost(f"{self.address}: the link is closed")
        return self._transport
