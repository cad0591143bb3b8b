"""How an error shows bytes."""

from __future__ import annotations

from typing import Final

_SHOWN: Final = 40
"""Bytes that are enough to see what it is about."""


def shown(data: bytes | bytearray) -> str:
    """Return the beginning of ``data``, as Python writes bytes."""
    return repr(bytes(data[:_SHOWN]))
