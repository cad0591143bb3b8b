"""Texts from devices, made harmless."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text as one line that does nothing to a terminal: control characters as ``\x1b``."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
