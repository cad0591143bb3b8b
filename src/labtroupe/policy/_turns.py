"""Whose turn it is to start: not everybody's at once, and first that of those somebody waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from labtroupe.policy._child import Child

STARTS_AT_ONCE: Final = 20
"""Children that start at the same time."""

# The same of children that failed before: what one hub connects is lost and
# comes back together, and is not to be opened all at once.
_RETRIES_AT_ONCE: Final = 4


def take_turns(
    ready: Sequence[Child], opening: Collection[Child], awaited: Collection[str], at_once: int
) -> Iterator[Child]:
    """Yield those whose turn it is.

    Args:
        ready: Who may start, but for the others.
        opening: Who is starting.
        awaited: Names of those that come first, as somebody waits for them.
        at_once: How many may be starting at the same time.
    """
    free, retries = at_once - len(opening), sum(map(_is_retry, opening))
    shared = {child.policy.shares for child in opening} - {""}
    for child in sorted(ready, key=lambda each: each.name not in awaited):
        too_many = _is_retry(child) and retries >= _RETRIES_AT_ONCE
        if free > 0 and not too_many and child.policy.shares not in shared:
            free, retries = free - 1, retries + _is_retry(child)
            shared.update({child.policy.shares} - {""})
            yield child


def _is_retry(child: Child) -> bool:
    return child.history.streak > 0
