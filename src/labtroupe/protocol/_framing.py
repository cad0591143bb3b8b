"""What a framing is: requests to bytes, and bytes to frames."""

from __future__ import annotations

from typing import Protocol


class Decoder(Protocol):
    """Cuts what arrives into frames; it has a memory, so each connection needs its own."""

    @property
    def pending(self) -> bytes:
        """What was fed and has not been given out as a frame, nor was due to come beside one."""
        ...

    def outgoing(self, data: bytes) -> bytes:
        """Return what to send for an encoded request; to be asked just before sending it.

        A device may repeat what it was sent, or tag its answer as the request was tagged: then
        this is where the decoder comes to know it, or tags it.  Most return ``data`` as it is.
        """
        ...

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived, cut anywhere; then ask for frames until there is none."""
        ...

    def next_frame(self) -> bytes | None:
        """Return the next whole frame without its framing, or ``None`` until more is fed.

        Raises:
            ProtocolError: What is held does not begin with a frame.  That beginning, or all of it,
                has been dropped, so that the decoder can be used again.
        """
        ...

    def clear(self) -> None:
        """Forget all that is held."""
        ...


class Framing(Protocol):
    """How one kind of device marks where a message ends: a value, shared by all its connections."""

    def encode(self, request: bytes) -> bytes:
        """Return the bytes to send for one request.

        Those for an empty request also end half a command that was cut short, where anything does.

        Raises:
            ArgumentError: The request cannot be sent as one message.
        """
        ...

    def decoder(self) -> Decoder:
        """Return a new decoder for one connection."""
        ...
