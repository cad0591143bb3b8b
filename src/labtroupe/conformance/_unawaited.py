"""Coroutines that a driver makes and forgets to await: the commonest slip, which Python only warns of."""

from __future__ import annotations

import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from labtroupe.errors import line_of

_NEVER: Final = "coroutine '(.+)' was never awaited"
# Told by Python where `sys.set_coroutine_origin_tracking_depth` says so.
_MADE_AT: Final = re.compile(r'File "(.+)", line (\d+)')


@contextmanager
def noting_unawaited() -> Generator[list[str]]:
    """Note in a list, when the body has ended, what was not awaited in it, in whatever thread."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", _NEVER, RuntimeWarning)
        yield notes
    for each in caught:
        text = str(each.message)
        if forgotten := re.match(_NEVER, text):
            notes.append(f"{forgotten[1]}() was called without `await`{_place(text)}")
        else:
            warnings.showwarning(each.message, each.category, each.filename, each.lineno)


def _place(text: str) -> str:
    made = _MADE_AT.search(text)
    return f" at {line_of(made[1], made[2])}" if made else ""
