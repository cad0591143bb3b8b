"""Who holds which port: one table for the whole process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Mapping

from labtroupe.errors import PortInUse

_holders: dict[str, str] = {}
"""Holder by resource."""

# There may be several trio loops, and a close that hangs gives its claim up in a thread.
_lock = threading.Lock()


@contextlib.contextmanager
def claim(resource: str, holder: str) -> Generator[None, None, None]:
    """Hold ``resource`` for ``holder`` while the context lasts.

    Made before a port is touched, because the attempt alone can reset the device: opening a
    serial port toggles its DTR line even if the open is then refused.

    Raises:
        PortInUse: It is held already; the message names the holder.
    """
    with _lock:
        if resource in _holders:
            raise PortInUse(
                f"{resource} is held by {_holders[resource]}",
                remedy="Give each instrument a port of its own, or stop the one that holds it.",
            )
        _holders[resource] = holder
    try:
        yield
    finally:
        with _lock:
            del _holders[resource]


def claims() -> Mapping[str, str]:
    """Return the holder of each claimed resource, sorted by resource."""
    with _lock:
        return dict(sorted(_holders.items()))
