"""Blocking calls in a thread that nobody has to wait for, if they hang."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs
import outcome
import trio

T = TypeVar("T")

_GRACE = 0.25
"""Seconds a cancelled call gets to end.

An open takes 1 to 50 ms if the driver is well.  If it is not, it takes as many times 5 s as there are
USB control messages in it (``WDR_TIMEOUT`` in the kernel's ``ftdi_sio.h``), or for ever.
"""


async def call_in_thread(work: Callable[[contextlib.ExitStack], T], undo: contextlib.ExitStack) -> T:
    """Run ``work`` in a thread of its own and return what it returns.

    ``work`` gets an ExitStack for what it opens.  That is undone in the thread if ``work`` fails, and
    is otherwise moved onto ``undo`` before this returns.

    Cancelled, this waits until ``work`` has ended and is undone, but not longer than 0.25 s. A call that
    hangs longer is left behind, and ``undo`` with it: both are undone in the thread when it ends.  So a
    deadline is kept whatever a driver does, and nothing that may still be in use is given up.

    Not `trio.to_thread`, which drops what an abandoned call returns: here, an open port.
    """
    call = _Call(work, undo)
    trio.lowlevel.start_thread_soon(call.run, lambda _: None)
    try:
        await call.ended.wait()
    finally:
        # The result may have come in the same tick as a cancellation: look at it, not at the wait.
        if not call.results:
            call.leave()
            with trio.CancelScope(shield=True, relative_deadline=_GRACE):
                await call.ended.wait()
    return call.results[0].unwrap()


@attrs.define(eq=False)
class _Call(Generic[T]):
    """One call: its two sides agree in trio's thread on who owns what it opened."""

    work: Callable[[contextlib.ExitStack], T]
    undo: contextlib.ExitStack
    ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    # At most one, and only if it was handed over.
    results: list[outcome.Outcome[T]] = attrs.field(factory=list[outcome.Outcome[T]], init=False)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token, init=False)
    _left_behind: contextlib.ExitStack | None = attrs.field(default=None, init=False)

    def leave(self) -> None:
        """Give up waiting; from here on the thread owns all there is to undo."""
        self._left_behind = self.undo.pop_all()

    def run(self) -> None:
        """Do the work; in the thread."""
        with contextlib.ExitStack() as mine:
            result = outcome.capture(self.work, mine)
            if isinstance(result, outcome.Error):
                mine.close()
            try:
                trio.from_thread.run_sync(self._settle, result, mine, trio_token=self._token)
            except trio.RunFinishedError:
                # The loop has ended without waiting for us, so nobody else is at it.
                self._settle(result, mine)
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self.ended.set)

    def _settle(self, result: outcome.Outcome[T], mine: contextlib.ExitStack) -> None:
        """Hand over the result and what it opened, or let the thread keep it; in trio's thread."""
        if self._left_behind is None:
            self.undo.push(mine.pop_all())
            self.results.append(result)
            self.ended.set()
        else:
            # What was opened last is undone first.
            self._left_behind.push(mine.pop_all())
            mine.push(self._left_behind)
