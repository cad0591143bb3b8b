"""What a framing is: requests to bytes, and bytes to frames."""

from __future__ import annotations

from typing import Protocol


class Decoder(Protocol):
    """Cuts what arrives into frames; it has a memory, so each connection needs its own."""

    @property
    def pending(self) -> bytes:
        """What was fed and has not been given out as a frame."""
        ...

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived, cut anywhere; then ask for frames until there is none."""
        ...

    def next_frame(self) -> bytes | None:
        """Return the next whole frame without its framing, or ``None`` until more is fed.

        Raises:
            ProtocolError: What is held cannot become a frame.  It has been dropped, so that the
                decoder can be used again.
        """
        ...

    def clear(self) -> None:
        """Forget all that is held."""
        ...


class Framing(Protocol):
    """How one kind of device marks where a message ends: a value, shared by all its connections."""

    def encode(self, request: bytes) -> bytes:
        """Return the bytes to send for one request.

        Raises:
            ArgumentError: The request cannot be sent as one message.
        """
        ...

    def decoder(self) -> Decoder:
        """Return a new decoder for one connection."""
        ...
