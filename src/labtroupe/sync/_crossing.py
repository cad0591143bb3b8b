"""The way from a thread that may block into trio's loop, and back."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar, cast

import attrs
import trio

from labtroupe.errors import BenchError

T = TypeVar("T")

# Seconds for which a call that was interrupted waits until what it asked for has been cancelled.
_UNWIND: Final = 2.0
_ELSEWHERE: Final = object()


@attrs.define(eq=False)
class Crossing:
    """The way into one run of trio; any number of threads may take it at once.

    Attributes:
        bench: The name of the bench that runs there, for errors.
        token: That run.
        closed: The bench is being closed, or is; nothing more is begun.
        ended_by: The error that has ended it, if one did.
    """

    bench: str
    token: trio.lowlevel.TrioToken
    closed: bool = attrs.field(default=False, init=False)
    ended_by: BaseException | None = attrs.field(default=None, init=False)

    def carry_out(self, work: Callable[[], Awaitable[T]]) -> T:
        """Have ``work`` done in the loop, and return its result.

        In a thread of `trio.to_thread.run_sync` in this loop it is done by the task that waits for the
        thread, within its cancel scopes: cancelling it cancels the work, and this raises
        `trio.Cancelled`.  In any other thread an exception such as `KeyboardInterrupt`,
        which ends the waiting, cancels the work too.

        Raises:
            BenchError: The bench or the loop has ended.
        """

        async def unless_closed() -> T:
            if self.closed:
                raise trio.RunFinishedError
            return await work()

        try:
            if (
                _is_trios_own()
                and (result := trio.from_thread.run(self._here, unless_closed)) is not _ELSEWHERE
            ):
                return cast("T", result)
            return self._from_outside(unless_closed)
        except trio.RunFinishedError:
            raise self.gone() from None

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        """Have a function called in the loop if that still runs; does not wait for it."""
        with suppress(trio.RunFinishedError):
            self.token.run_sync_soon(function, *args)

    def close_soon(self, events: AsyncGenerator[object]) -> None:
        """Have a generator closed that the loop has run; does not wait for it."""

        def close() -> None:
            # In a loop that ends there are no new tasks, and trio closes what is left itself.
            with suppress(RuntimeError):
                trio.lowlevel.spawn_system_task(events.aclose)

        self.call_soon(close)

    def gone(self) -> BenchError:
        """Return the error that says that the bench runs no more."""
        reason = f": {self.ended_by}" if self.ended_by else ""
        return BenchError(f"the bench {self.bench} does not run any more{reason}", remedy="Open it again.")

    async def _here(self, work: Callable[[], Awaitable[object]]) -> object:
        # A thread of another loop, which cannot wait for what happens in this one.
        if trio.lowlevel.current_trio_token() is not self.token:
            return _ELSEWHERE
        return await work()

    def _from_outside(self, work: Callable[[], Awaitable[T]]) -> T:
        scope, ended = trio.CancelScope(), threading.Event()

        async def errand() -> T:
            try:
                with scope:
                    return await work()
            except trio.Cancelled:
                pass  # The loop ends, and all that is left in it is cancelled.
            finally:
                ended.set()
            # Or the waiter cancelled it, who does not wait any more.
            raise trio.RunFinishedError

        try:
            return trio.from_thread.run(errand, trio_token=self.token)
        except trio.RunFinishedError:
            raise
        except BaseException:
            # As Ctrl-C raises it in the main thread.
            if not ended.is_set():
                self._cancel(scope, ended)
            raise

    def _cancel(self, scope: trio.CancelScope, ended: threading.Event) -> None:
        """Cancel what goes on in the loop, and wait until it has ended, so that nothing of it comes later."""
        self.call_soon(scope.cancel)
        ended.wait(_UNWIND)


def _is_trios_own() -> bool:
    """Return whether this is a thread of `trio.to_thread.run_sync`; raises if its task is cancelled."""
    try:
        trio.from_thread.check_cancelled()
    except RuntimeError:
        return False
    return True
