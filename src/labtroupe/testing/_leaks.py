"""What a process holds, and what it holds more than before: descriptors and threads."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Self

import attrs

_GRACE = 0.5
"""Seconds that a thread which has nothing left to do gets to end."""

_POLL = 0.01
"""Seconds between two looks; nobody says when a descriptor is closed."""

_STANDARD_ERROR = 2

_SPARE = ("trio._core._thread_cache", "_work")
"""The module and the function in which a worker of trio waits for a job."""

_LOOP = ("trio._core._run", "run")
"""Those around a loop of trio."""


# Its number, and what it refers to, which may be renamed or deleted while it is open.
_Descriptor = tuple[int, int, int]


def left_since(before: Holdings) -> list[str]:
    """Return a line for each thing that was not held ``before`` and is not about to go."""
    if not Holdings.now().beyond(before):
        return []
    # Some of it may only wait for the collector, or be about to end.
    gc.collect()
    patience = time.monotonic() + _GRACE
    while (left := Holdings.now().beyond(before)) and time.monotonic() < patience:
        time.sleep(_POLL)
    return left


@attrs.frozen
class Holdings:
    """What the process holds at one moment."""

    descriptors: Mapping[_Descriptor, str]
    threads: frozenset[threading.Thread]

    @classmethod
    def now(cls) -> Self:
        """Return what is held now."""
        busy = (thread for thread in threading.enumerate() if not _is_spare(thread))
        return cls(dict(_descriptors()), frozenset(busy))

    def beyond(self, before: Self) -> list[str]:
        """Return a line for each thing that was not held ``before``."""
        descriptors = sorted(each for each in self.descriptors.items() if each[0] not in before.descriptors)
        threads = sorted(self.threads - before.threads, key=lambda thread: thread.name)
        return [
            *(f"file descriptor {fd}: {target}" for (fd, *_), target in descriptors),
            *(f"thread {thread.name!r}: {_place(thread)}{_tasks(thread)}" for thread in threads),
        ]


def _descriptors() -> Iterator[tuple[_Descriptor, str]]:
    """Yield each open descriptor above standard error, and what it refers to.

    The standard three are left out because pytest's capture moves them.
    """
    folder = Path("/proc/self/fd")
    tracker = _tracker()
    for link in folder.iterdir() if folder.is_dir() else ():
        # The one that listed the folder is closed by now.
        with contextlib.suppress(OSError):
            number = int(link.name)
            if number > _STANDARD_ERROR and number != tracker:
                found = os.fstat(number)
                yield (number, found.st_dev, found.st_ino), str(link.readlink())


def _tracker() -> object:
    """Return the descriptor that `multiprocessing` keeps until this process ends, once it has spawned one."""
    tracker = getattr(sys.modules.get("multiprocessing.resource_tracker"), "_resource_tracker", None)
    return getattr(tracker, "_fd", None)


def _is_spare(thread: threading.Thread) -> bool:
    """Return whether ``thread`` is a worker that trio keeps for a next job, for 10 s.

    Its name does not tell: a worker without a job is called ``Trio thread 7``, and so is
    one whose job was given no name.  But the first is in its own loop, the second deeper.
    """
    frame = _frame(thread)
    return frame is not None and _function(frame) == _SPARE


def _place(thread: threading.Thread) -> str:
    """Return where ``thread`` is, in the innermost function that is not `threading`'s."""
    frame = _frame(thread)
    if frame is None:
        return "starting or ending"
    stack = traceback.extract_stack(frame)
    entry = next((entry for entry in reversed(stack) if entry.filename != threading.__file__), stack[-1])
    return f"{entry.filename}:{entry.lineno} in {entry.name}"


def _tasks(thread: threading.Thread) -> str:
    """Return what tasks there are in the loop of trio that ``thread`` runs; empty if it runs none."""
    frame = _frame(thread)
    while frame is not None and _function(frame) != _LOOP:
        frame = frame.f_back
    if frame is None:
        return ""
    names = (task.name for task in tuple(frame.f_locals["runner"].tasks))
    # Trio's own are called <init> and the like.
    return f", with the tasks {', '.join(sorted(name for name in names if not name.startswith('<')))}"


def _function(frame: FrameType) -> tuple[object, str]:
    """Return of which module and function a frame is."""
    return frame.f_globals.get("__name__"), frame.f_code.co_name


def _frame(thread: threading.Thread) -> FrameType | None:
    # Documented and stable, in spite of its name.
    return sys._current_frames().get(thread.ident or 0)  # noqa: SLF001
