"""A simulated device whose messages have a framing."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import ClassVar

import attrs

from labtroupe.errors import ProtocolError
from labtroupe.protocol import Decoder, Framing
from labtroupe.simulation._device import SimulatedDevice


@attrs.define(eq=False)
class FramedDevice(SimulatedDevice):
    """A device that answers message by message; a subclass declares `framing`, and defines :meth:`answer`.

    What is no frame it does not hear.
    """

    framing: ClassVar[Framing]
    """That of the driver, if it is the same in both directions: with start and end, a length, a checksum."""

    patience: ClassVar[float] = math.inf
    """Seconds without a byte after which it forgets half a message."""

    _decoder: Decoder = attrs.field(init=False)
    _heard: float = attrs.field(default=-math.inf, init=False)

    @abc.abstractmethod
    def answer(self, request: bytes) -> bytes | None:
        """Return the answer to ``request``, both without framing; ``None`` to stay silent."""

    def __attrs_post_init__(self) -> None:
        """Switch it on."""
        self._decoder = self.framing.decoder()
        super().__attrs_post_init__()

    def power_cycle(self, now: float) -> None:
        """Switch it off and on, with half a request forgotten."""
        super().power_cycle(now)
        self._decoder.clear()

    def receive(self, data: bytes, now: float) -> Sequence[bytes]:
        """Take ``data`` in, with what came before if that was not too long ago."""
        if now - self._heard > self.patience:
            self._decoder.clear()
        self._heard = now
        return super().receive(data, now)

    def hear(self, data: bytes) -> Sequence[bytes]:
        """Answer each message that is complete, and keep the rest."""
        self._decoder.feed(data)
        answers = map(self.answer, iter(self._next_request, None))
        return [self.framing.encode(answer) for answer in answers if answer is not None]

    def _next_request(self) -> bytes | None:
        while True:
            try:
                return self._decoder.next_frame()
            except ProtocolError:
                continue
