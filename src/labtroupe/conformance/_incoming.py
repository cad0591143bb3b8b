"""What is on its way from a device on trial, each piece with its moment and with whom it is owed to."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import attrs

from labtroupe.errors import ProtocolError
from labtroupe.instrument import Manners
from labtroupe.simulation import Faults


@attrs.frozen(eq=False)
class Piece:
    """Some bytes of an answer, on their way.

    Attributes:
        due: When they come, in seconds of trio's clock.
        data: They.
        owed_to: On whose behalf the device was asked; ``None`` if these bytes answer nothing.
    """

    due: float
    data: bytes
    owed_to: object


def can_answer(data: bytes, manners: Manners) -> bool:
    """Return whether what a device says can answer anything, and is not all declared to be unsolicited."""
    if manners.unsolicited is None:
        return True
    decoder, frames = manners.framing.decoder(), list[bytes]()
    decoder.feed(data)
    with suppress(ProtocolError):
        while (frame := decoder.next_frame()) is not None:
            frames.append(frame)
    return not frames or not all(map(manners.unsolicited, frames))


@attrs.define(eq=False)
class Incoming:
    """The answers on their way, until the driver has taken them.

    Attributes:
        faults: What goes wrong on the way.
    """

    faults: Faults
    _pieces: deque[Piece] = attrs.field(factory=deque[Piece], init=False)
    # When the latest answer is ready.
    _ready: float = attrs.field(default=0.0, init=False)

    @property
    def next_due(self) -> float:
        """When the next of them comes; ``math.inf`` if there is none."""
        return self._pieces[0].due if self._pieces else math.inf

    def owes(self, request: object) -> bool:
        """Return whether something is still to come that answers what was sent on behalf of ``request``."""
        return any(piece.owed_to is request for piece in self._pieces)

    def say(self, answer: bytes, latency: float, owed_to: object, now: float) -> bool:
        """Have an answer come so many seconds after now and the one before, as the faults have it.

        Returns:
            Whether a fault has begun with one of its bytes.
        """
        self._ready = max(self._ready, now) + latency
        begun = False
        while answer:
            # What comes after the beginning of a fault is like an answer of its own.
            count = int(min(len(answer), self.faults.until_said()))
            self._pieces.extend(self._as_pieces(answer[:count], owed_to, now))
            answer = answer[count:]
            begun = self.faults.count(now, said=count) or begun
        return begun

    def take(self, now: float) -> bytes:
        """Return what has come next by ``now``; ``b""`` for nothing."""
        return self._pieces.popleft().data if self.next_due <= now else b""

    def hurry(self, now: float) -> None:
        """Let all come at once that was held up."""
        self._pieces = deque(attrs.evolve(each, due=min(each.due, now)) for each in self._pieces)

    def drop_missed(self, now: float) -> None:
        """Forget what has come by ``now``, as nobody was there to take it."""
        self._pieces = deque(each for each in self._pieces if each.due > now)

    def forget(self) -> None:
        """Forget everything."""
        self._pieces.clear()

    def _as_pieces(self, answer: bytes, owed_to: object, now: float) -> Iterator[Piece]:
        if self.faults.hit("mute", now) is not None:
            return
        late, split = self.faults.hit("late", now), self.faults.hit("split", now)
        due = self._ready + (0.0 if late is None else late.delay)
        if self._pieces:
            due = max(due, self._pieces[-1].due)
        for each in self.faults.spoil(answer, now):
            if split is None:
                yield Piece(due, each, owed_to)
            else:
                for byte in each:
                    yield Piece(due, bytes([byte]), owed_to)
                    due += split.delay
            # What comes again is too much.
            owed_to = None
