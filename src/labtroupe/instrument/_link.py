"""The link: one exchange at a time over one transport, in step or suspect.

*In step* means that nothing is owed on the wire: what comes next will be the
answer to what is asked next.  An exchange that is left in any way but success,
by an error, a cancellation or a deadline, leaves the link *suspect*: an answer
may still come, and it would be taken for the answer to the next question.
Nothing is delivered over a suspect link before a resync has proved it in step.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import attrs
import trio

from labtroupe.actor import mark_acted
from labtroupe.errors import ArgumentError, LinkLost, ProtocolError
from labtroupe.instrument._barrier import Barrier
from labtroupe.protocol import Decoder, Framing
from labtroupe.transport import Transport

# Bytes of unexpected input that an error shows.
_SHOWN: Final = 40

# Seconds without an exchange after which the wire is listened to; a pulled
# cable is noticed within this and the time the system takes to say so.
_IDLE: Final = 0.05

# A new link is suspect too: somebody may have asked something before us.
_NEW: Final = "just opened"


def _anything(_: bytes) -> bool:
    return True


@attrs.define(eq=False)
class _Listener:
    """A task that waits for input while no exchange does, and how to make it leave."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    left: trio.Event = attrs.field(factory=trio.Event, init=False)


@attrs.define(eq=False)
class Link:
    """Transport and framing together: requests out, answers in, each to its own question.

    Attributes:
        address: Where it leads, for people.
        framing: How requests become bytes and bytes answers.
        barrier: How to get in step again; without one, a suspect link is lost and opened anew.
    """

    address: str
    _connect: Callable[[], Awaitable[Transport]]
    framing: Framing
    barrier: Barrier | None = None
    _transport: Transport | None = attrs.field(default=None, init=False)
    _decoder: Decoder = attrs.field(init=False)
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _exchanges: int = attrs.field(default=0, init=False)
    _listener: _Listener | None = attrs.field(default=None, init=False)
    # Why the link is suspect; None means in step.
    _suspicion: str | None = attrs.field(default=_NEW, init=False)
    # The requests whose answers may still come.
    _owed: list[bytes] = attrs.field(factory=list[bytes], init=False)
    _cut_short: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Start with an empty decoder."""
        self._decoder = self.framing.decoder()

    @property
    def in_step(self) -> bool:
        """Whether nothing is owed on the wire."""
        return self._suspicion is None

    async def open(self) -> None:
        """Open the transport; the link is suspect until its first resync.

        Raises:
            Unavailable: Nobody is there, or somebody else holds the port.
        """
        self._transport = await self._connect()

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
            LinkLost: The connection broke.
            ProtocolError: What came back is not an answer; the link is suspect.
        """
        async with self._taken():
            await self._get_in_step()
            mark_acted()
            with self._owing(request):
                await self._send(request)
                answer = await self._receive()
                if not accepts(answer):
                    raise ProtocolError(f"{self.address}: {answer[:_SHOWN]!r} is no answer to {request!r}")
        return answer

    async def send(self, request: bytes) -> None:
        """Send a request to which the device does not answer.

        Raises:
            LinkLost: The connection broke.
        """
        async with self._taken():
            await self._get_in_step()
            mark_acted()
            with self._owing(request):
                await self._send(request)

    async def query(self, request: str, accepts: Callable[[bytes], bool] = _anything) -> str:
        """Exchange text: like `exchange`, in ASCII.

        Raises:
            ArgumentError: The request is not ASCII; nothing was sent.
            LinkLost: The connection broke.
            ProtocolError: What came back is not an answer, or not ASCII.
        """
        answer = await self.exchange(_ascii(request), lambda frame: frame.isascii() and accepts(frame))
        return answer.decode("ascii")

    async def write(self, request: str) -> None:
        """Send text to which the device does not answer, in ASCII.

        Raises:
            ArgumentError: The request is not ASCII; nothing was sent.
            LinkLost: The connection broke.
        """
        await self.send(_ascii(request))

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
        self._listener = listener = _Listener()
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
        """Send the barrier's query and drop everything until its answer has come."""
        if barrier.query in self._owed:
            await self._wait_quiet(barrier.lateness)
        with trio.move_on_after(barrier.budget) as scope:
            if self._cut_short:
                # Half a command may be waiting in the device: end it, or it
                # would swallow the query.
                await self._open_transport().send(self.framing.encode(b""))
            self._owed.append(barrier.query)
            await self._send(barrier.query)
            while not barrier.accepts(await self._receive_anything()):
                pass
        if scope.cancelled_caught:
            raise LinkLost(f"{self.address}: no answer to {barrier.query!r} within {barrier.budget:g} s")

    async def _wait_quiet(self, seconds: float) -> None:
        """Drop input until none has come for so long."""
        limit = trio.current_time() + 10 * seconds
        scope = trio.CancelScope(relative_deadline=seconds)
        with scope:
            while True:
                await self._open_transport().receive()
                if trio.current_time() > limit:
                    raise LinkLost(f"{self.address}: sends without being asked and does not stop")
                scope.deadline = trio.current_time() + seconds
        self._decoder.clear()

    @contextmanager
    def _owing(self, request: bytes) -> Generator[None]:
        # Suspect first and trusted last, so that every way out but success
        # leaves the link suspect: an error, a cancellation, a deadline.
        self._suspicion = f"{request!r} was cut off"
        self._owed.append(request)
        yield
        self._trust()

    def _suspect_stray(self, stray: bytes) -> None:
        self._suspicion = self._suspicion or f"{stray[:_SHOWN]!r} came without being asked for"

    def _trust(self) -> None:
        self._suspicion = None
        self._owed.clear()

    async def _send(self, request: bytes) -> None:
        data = self.framing.encode(request)
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


def _ascii(text: str) -> bytes:
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise ArgumentError(f"{text!r} is not ASCII") from None
