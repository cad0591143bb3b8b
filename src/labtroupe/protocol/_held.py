"""What decoders have in common that hold bytes until these are a frame."""

from __future__ import annotations

import attrs


@attrs.define(eq=False)
class HeldBytes:
    """The bytes that arrived and are no frame yet; for a framing that needs to know nothing of requests."""

    _held: bytearray = attrs.field(factory=bytearray, init=False)

    @property
    def pending(self) -> bytes:
        """What was fed and has not been given out as a frame."""
        return bytes(self._held)

    def outgoing(self, data: bytes) -> bytes:
        """Return ``data``: a frame is found without knowing what it answers."""
        return data

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived, cut anywhere; then ask for frames until there is none."""
        self._held += data

    def clear(self) -> None:
        """Forget all that is held."""
        self._held.clear()
