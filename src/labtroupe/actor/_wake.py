"""What to wake a task with that has parked itself by `trio.lowlevel.wait_task_rescheduled`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import outcome


class _Nothing:
    """An outcome that has nothing to say."""

    def unwrap(self) -> None:
        """Return nothing."""


# trio makes a fresh one for each wait where it is given none, as an `outcome.Value`
# can be unwrapped only once.  There are two waits in a request.
WOKEN: Final = cast("outcome.Value[object]", _Nothing())
"""The outcome of a wait that has nothing to say, to be given to `trio.lowlevel.reschedule`."""
