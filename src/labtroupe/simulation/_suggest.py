"""A remedy for a misspelt name: the nearest known one, and all of them."""

from __future__ import annotations

from collections.abc import Iterable

from labtroupe.names import nearest


def suggestion(name: str, known: Iterable[str], *, plural: str) -> str:
    """Return a remedy such as ``Did you mean `mute`? The faults are: late, mute.``."""
    names = sorted(known)
    everything = f"The {plural} are: {', '.join(names) or 'none'}."
    near = nearest(name, names)
    return f"Did you mean `{near}`? {everything}" if near else everything
