"""What a simulated device is: bytes and the time in, answers out; no I/O, no clock."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar

import attrs

from labtroupe.errors import ArgumentError

# What small instruments take for an answer, in seconds: some characters at 19200 baud.
DEFAULT_LATENCY = 0.004
# Bytes of an unfinished request that are kept.  Small instruments have less.
INPUT_LIMIT = 4096


@attrs.define(eq=False)
class SimulatedDevice(abc.ABC):
    """A device as its cable sees it: it hears bytes, and says some.

    Time is passed in, and the physics are brought up to date whenever somebody
    asks, so they are exact and nothing has to tick.  A subclass keeps all that
    a power cycle forgets in attributes that :meth:`power_on` sets.

    Attributes:
        latency: Seconds from a request to its answer.
        disguised: Whether it is to say that it is another one, if it says who it is at all.
    """

    has_identity: ClassVar[bool] = False
    """Whether it says who it is, and knows how to be ``disguised``."""

    latency: float = attrs.field(default=DEFAULT_LATENCY, converter=float, kw_only=True)
    disguised: bool = attrs.field(default=False, init=False)
    _clock: float | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Switch it on."""
        self.power_on()

    def receive(self, data: bytes, now: float) -> Sequence[bytes]:
        """Take ``data`` in at ``now``, and return the answers to the requests that it completes.

        Args:
            data: Some bytes; a request may come in any number of pieces.
            now: Seconds on a clock that never goes back.
        """
        self.advance(now)
        return self.hear(data)

    def respond(self, data: bytes, now: float) -> Sequence[tuple[float, bytes]]:
        """Return the answers of `receive`, each with the seconds that it takes after the one before."""
        return [(self.latency, answer) for answer in self.receive(data, now)]

    def advance(self, now: float) -> None:
        """Bring the physics up to ``now``; the first call starts the clock."""
        if self._clock is not None:
            self.elapse(now - self._clock)
        self._clock = now

    def power_cycle(self, now: float) -> None:
        """Switch it off and on at ``now``."""
        self.advance(now)
        self.device_clear()
        self.power_on()

    def check_fault(self, fault: str) -> None:
        """Raise `ArgumentError` if it cannot have this fault of the fault menu."""
        if fault == "wrong-identity" and not self.has_identity:
            raise ArgumentError(
                "this simulated device does not say who it is",
                remedy="Its class can: see `disguised` of `labtroupe.simulation.SimulatedDevice`.",
            )

    def device_clear(self) -> None:  # noqa: B027 - a hook; some keep no half requests
        """Forget half a request; also told by a bus that has a device clear, as USBTMC has."""

    def power_on(self) -> None:  # noqa: B027 - a hook; some have nothing to forget
        """Set everything that does not survive a power cycle; called once when it is made."""

    def elapse(self, seconds: float) -> None:  # noqa: B027 - a hook; some have no physics
        """Let ``seconds`` of physics pass; the same in one step as in many."""

    @abc.abstractmethod
    def hear(self, data: bytes) -> Sequence[bytes]:
        """Take ``data`` in, and return the answers to the requests that it completes."""


@attrs.define(eq=False)
class LineDevice(SimulatedDevice):
    """A device that answers line by line; a subclass defines :meth:`answer`."""

    end: ClassVar[bytes] = b"\n"
    """What ends a request."""
    reply_end: ClassVar[bytes] = b"\n"
    """What ends an answer."""

    _unfinished: bytes = attrs.field(default=b"", init=False)

    @abc.abstractmethod
    def answer(self, request: bytes) -> bytes | None:
        """Return the answer to ``request``, both without terminator; ``None`` to stay silent."""

    def device_clear(self) -> None:
        """Forget half a request."""
        self._unfinished = b""

    def hear(self, data: bytes) -> Sequence[bytes]:
        """Answer each line that is complete, and keep the rest."""
        *requests, unfinished = (self._unfinished + data).split(self.end)
        self._unfinished = unfinished if len(unfinished) <= INPUT_LIMIT else b""
        answers = map(self.answer, requests)
        return [answer + self.reply_end for answer in answers if answer is not None]
