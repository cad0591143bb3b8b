"""Where a task is, in words: for those that do not end."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import trio


def stack_of(task: trio.lowlevel.Task) -> str:
    """Return where a task waits, and each that it has started, as tracebacks are written."""
    return "\n".join(f"{each.name}:\n{_frames(each)}" for each in _with_children(task))


def _with_children(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    yield task
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield from _with_children(child)


def _frames(task: trio.lowlevel.Task) -> str:
    return "".join(traceback.StackSummary.extract(task.iter_await_frames()).format())
