"""Frames that a pure function finds at the beginning of what has arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import attrs

from labtroupe.errors import ProtocolError
from labtroupe.protocol._framing import Framing
from labtroupe.protocol._held import HeldBytes
from labtroupe.protocol._shown import shown

Cut: TypeAlias = tuple[int, bytes | ProtocolError]
"""How many bytes to take away from the beginning, at least one, and the frame that they were or
the error that they are."""


class CuttingFraming(Framing, Protocol):
    """A framing that can tell where a frame ends from its bytes alone."""

    def cut(self, held: bytearray) -> Cut | None:
        """Return the frame or the garbage that ``held`` begins with, ``None`` until more comes."""
        ...


@attrs.define(eq=False)
class CuttingDecoder(HeldBytes):
    """Cuts what arrives into frames by a pure function of what is held."""

    _cut: Callable[[bytearray], Cut | None]

    def next_frame(self) -> bytes | None:
        """Return the next whole frame without its framing, or ``None`` until more is fed.

        Raises:
            ProtocolError: What is held does not begin with a frame; that beginning was dropped.
        """
        cut = self._cut(self._held)
        if cut is None:
            return None
        length, frame = cut
        del self._held[:length]
        if isinstance(frame, ProtocolError):
            raise frame
        return frame


def garbage(held: bytearray, length: int, why: str) -> Cut:
    """Return the cut that drops ``length`` bytes, and shows how they begin."""
    return length, ProtocolError(f"{why}: {shown(held[:length])}")


def cut_to_start(held: bytearray, start: bytes) -> Cut | None:
    """Return the cut that drops what comes before ``start``, or what may become it."""
    at = held.find(start)
    if at < 0:
        at = len(held) - len(common_edge(held, start))
    return garbage(held, at, f"no frame, as it does not begin with {start!r}") if at > 0 else None


def common_edge(held: bytearray, start: bytes) -> bytes:
    """Return the longest beginning of ``start``, short of all of it, that ``held`` ends with."""
    lengths = range(min(len(held), len(start) - 1), 0, -1)
    return next((start[:length] for length in lengths if held.endswith(start[:length])), b"")
