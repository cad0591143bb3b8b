"""Whose code runs here: the request whose handler it is, and the life it belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from labtroupe.actor._life import Life
    from labtroupe.actor._reply import Reply

current: Final[ContextVar[Reply[object] | None]] = ContextVar("labtroupe_current_request", default=None)
"""The request whose handler runs here, or has started the task that runs here."""

making_safe: Final[ContextVar[bool]] = ContextVar("labtroupe_making_safe", default=False)
"""Whether what runs here is a safe state: what it asks of others passes their latches."""

living: Final[ContextVar[Life | None]] = ContextVar("labtroupe_living", default=None)
"""The life of an actor that this code belongs to."""
