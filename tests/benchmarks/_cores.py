"""On which cores what runs."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

ALL: Final = frozenset(os.sched_getaffinity(0))
"""Those that this process was given."""


def pin() -> int:
    """Keep this process, and what it starts, on one core from now on; return which."""
    core = max(ALL)
    os.sched_setaffinity(0, {core})
    return core


@contextmanager
def unpinned() -> Generator[None]:
    """Let the threads and processes that are started in the body run on all cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ALL)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
