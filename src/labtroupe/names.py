"""Misspelt names, and those that were probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like ``name``, whatever the case, or ``None`` if none is like it."""
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return what ends the sentence about a name that is none: what was probably meant, and what there is."""
    near = nearest(name, known)
    hint = f"; did you mean {near!r}?" if near else ""
    return f"{hint} (there {'is' if len(known) == 1 else 'are'}: {', '.join(known)})"
