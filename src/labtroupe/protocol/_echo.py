"""Devices that repeat what they are sent before they answer."""

from __future__ import annotations

from collections import deque

import attrs

from labtroupe.errors import ProtocolError
from labtroupe.protocol._cutting import common_edge
from labtroupe.protocol._framing import Decoder, Framing
from labtroupe.protocol._shown import shown

_OWED_AT_MOST = 64
"""Echoes that may be outstanding; more means that the device does not repeat what it is sent."""


@attrs.frozen
class Echoed:
    r"""Another framing, for a device that repeats every byte it is sent before it answers.

    The echo is checked and dropped.  What comes after its own echo answers nothing older.

    Attributes:
        framing: That of its answers.
        adds: What the device puts behind an echo: ``b"\n"`` if it is sent ``b"\r"`` and repeats
            ``b"\r\n"``.
    """

    framing: Framing
    adds: bytes = attrs.field(default=b"", kw_only=True)

    def encode(self, request: bytes) -> bytes:
        """Return the bytes to send for one request.

        Raises:
            ArgumentError: The request cannot be sent as one message.
        """
        return self.framing.encode(request)

    def decoder(self) -> EchoDecoder:
        """Return a new decoder for one connection."""
        return EchoDecoder(self.framing.decoder(), self.adds)


@attrs.define(eq=False)
class EchoDecoder:
    """Drops the echo of what is sent; holds half an echo more than the decoder inside it (L6)."""

    inner: Decoder
    adds: bytes
    # What is still to be repeated, the oldest first.
    _owed: deque[bytes] = attrs.field(factory=lambda: deque[bytes](maxlen=_OWED_AT_MOST), init=False)
    # What has come while an echo is due, and is not all of it.
    _held: bytearray = attrs.field(factory=bytearray, init=False)

    @property
    def pending(self) -> bytes:
        """What was fed and is neither an echo nor has been given out as a frame."""
        due = self._owed and self._owed[0].startswith(self._held)
        return self.inner.pending + (b"" if due else bytes(self._held))

    def outgoing(self, data: bytes) -> bytes:
        """Expect the echo of ``data``, and return what the inner decoder says is to be sent."""
        data = self.inner.outgoing(data)
        self._owed.append(data + self.adds)
        return data

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived, cut anywhere; then ask for frames until there is none."""
        self._held += data
        self._drop_echoes()

    def next_frame(self) -> bytes | None:
        """Return the next whole frame after all echoes, or ``None`` until more is fed.

        Raises:
            ProtocolError: Something else came where the echo was due, and was dropped, or what came
                after it is no frame.
        """
        frame = self.inner.next_frame()
        if frame is None and self._owed and not self._owed[0].startswith(self._held):
            raise self._look_for_last()
        return frame

    def clear(self) -> None:
        """Forget all that is held, and all that is to be repeated."""
        self._owed.clear()
        self._held.clear()
        self.inner.clear()

    def _drop_echoes(self) -> None:
        while self._owed and self._held.startswith(self._owed[0]):
            del self._held[: len(self._owed.popleft())]
        if not self._owed:
            self.inner.feed(bytes(self._held))
            self._held.clear()

    def _look_for_last(self) -> ProtocolError:
        """Drop what came, and look for the last echo only: the answer is behind it."""
        error = ProtocolError(f"{shown(self._held)} came where the echo {shown(self._owed[0])} was due")
        last = self._owed.pop()
        self._owed.clear()
        self._owed.append(last)
        at = self._held.find(last)
        del self._held[: at if at >= 0 else len(self._held) - len(common_edge(self._held, last))]
        self._drop_echoes()
        return error
