"""Waking a task that has parked itself with `trio.lowlevel.wait_task_rescheduled`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import trio

if TYPE_CHECKING:
    import outcome


class _Nothing:
    """The outcome of a wait that has nothing to say.

    trio makes a fresh one for each, since an `outcome.Value` can be unwrapped
    only once; two of these would be a tenth of what a whole request costs.
    """

    def unwrap(self) -> None:
        """Return nothing."""


_NOTHING: Final = cast("outcome.Value[object]", _Nothing())


def wake(task: trio.lowlevel.Task) -> None:
    """Let a parked task go on."""
    trio.lowlevel.reschedule(task, _NOTHING)
