"""Frames that have more framing inside them."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from labtroupe.protocol._framing import Decoder


@attrs.define(eq=False)
class MappedDecoder:
    """Opens each frame of another decoder; holds what that one holds, and nothing else.

    Attributes:
        inner: The other decoder.
        unwrap: Returns what is in a frame, ``None`` for one that says nothing; a `ProtocolError`
            costs that frame only.
    """

    inner: Decoder
    unwrap: Callable[[bytes], bytes | None]

    @property
    def pending(self) -> bytes:
        """What was fed and has not been given out as a frame."""
        return self.inner.pending

    def outgoing(self, data: bytes) -> bytes:
        """Return what the inner decoder says is to be sent."""
        return self.inner.outgoing(data)

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived, cut anywhere; then ask for frames until there is none."""
        self.inner.feed(data)

    def next_frame(self) -> bytes | None:
        """Return what is in the next frame that says something, or ``None`` until more is fed.

        Raises:
            ProtocolError: What is held does not begin with a frame; that beginning was dropped.
        """
        while (frame := self.inner.next_frame()) is not None:
            inside = self.unwrap(frame)
            if inside is not None:
                return inside
        return None

    def clear(self) -> None:
        """Forget all that is held."""
        self.inner.clear()
