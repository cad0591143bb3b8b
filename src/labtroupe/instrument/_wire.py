"""What a link remembers of its wire: who listens to it, and what may still come over it."""

from __future__ import annotations

import attrs
import trio

from labtroupe.errors import ArgumentError


@attrs.frozen(eq=False)
class Owed:
    """A request whose answer may still come.

    Attributes:
        request: It, without framing.
        sent_at: When it was sent, on trio's clock.
    """

    request: bytes
    sent_at: float


@attrs.define(eq=False)
class Listener:
    """A task that waits for input while no exchange does.

    Attributes:
        scope: Cancelled to make it leave.
        left: Set when it has.
    """

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    left: trio.Event = attrs.field(factory=trio.Event, init=False)


def to_ascii(text: str) -> bytes:
    """Return a request of text as bytes.

    Raises:
        ArgumentError: It is not ASCII.
    """
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise ArgumentError(f"{text!r} is not ASCII") from None
