"""Calls from threads into trio, which end when their run is cancelled."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any, Final, TypeVar

import attrs
import outcome
import trio

from labtroupe.runs._cancellation import Cancellation, RunCancelled
from labtroupe.sync import Crossing

T = TypeVar("T")

# Seconds that what was cancelled has to end, also where the run has none left.
_MOMENT: Final = 1.0


@attrs.define(eq=False)
class Calls(Crossing):
    """Carries out in trio what threads ask for, each call in a task of its own.

    Attributes:
        cancellation: What threads are told that have to end.
    """

    cancellation: Cancellation
    # Both belong to trio's thread.  The scopes of what is under way, and whether that cleans up.
    _under_way: dict[trio.CancelScope, bool] = attrs.field(factory=dict[trio.CancelScope, bool], init=False)
    _all_ended: trio.Event = attrs.field(factory=trio.Event, init=False)

    def carry_out(self, work: Callable[[], Awaitable[T]], patience: float | None = None) -> T:  # noqa: ARG002 - to be cancelled ends the waiting
        """Have ``work`` done in trio, and wait in the present thread for its result.

        Raises:
            RunCancelled: The thread has to end; the work was cancelled, or has not begun.
            RuntimeError: This is the thread in which trio runs, which would wait for itself.
        """
        if trio.lowlevel.in_trio_run():
            raise RuntimeError(
                "this is trio's own thread: await the function, and do not call it through the run"
            )
        self.cancellation.check()
        answer, context = SimpleQueue[outcome.Outcome[T]](), contextvars.copy_context()
        try:
            self.token.run_sync_soon(self._take, work, answer, context, self.cancellation.in_cleanup)
        except trio.RunFinishedError:
            raise RunCancelled("the event loop has ended") from None
        return answer.get().unwrap()

    def cancel(self) -> None:
        """Cancel what is under way, save what cleans up."""
        for scope, in_cleanup in self._under_way.items():
            if not in_cleanup:
                scope.cancel("the run was cancelled")

    async def close(self, deadline: float) -> None:
        """Refuse what comes from now on, cancel what is under way, and wait for it until ``deadline``.

        A moment is always allowed.  What has not ended then is left, and ends by itself.
        """
        self.closed = True
        for scope in self._under_way:
            scope.cancel("the run is over")
        if self._under_way:
            with trio.CancelScope(deadline=max(deadline, trio.current_time() + _MOMENT)):
                await self._all_ended.wait()

    def _take(
        self,
        work: Callable[[], Awaitable[Any]],
        answer: SimpleQueue[Any],
        context: contextvars.Context,
        in_cleanup: bool,  # noqa: FBT001 - run_sync_soon passes by position
    ) -> None:
        if self.closed or (self.cancellation.cancelled and not in_cleanup):
            answer.put(outcome.Error(self.cancellation.error()))
            return
        scope = trio.CancelScope()
        self._under_way[scope] = in_cleanup
        # In no nursery of ours, which would wait for it for ever where it does not end.
        trio.lowlevel.spawn_system_task(self._do, work, answer, scope, context=context)

    async def _do(
        self, work: Callable[[], Awaitable[Any]], answer: SimpleQueue[Any], scope: trio.CancelScope
    ) -> None:
        result: outcome.Outcome[Any] | None = None
        try:
            with scope:
                result = outcome.Value(await work())
        except BaseException as error:  # noqa: BLE001 - it is the thread's, whatever it is
            if not _is_cancellation(error):
                result = outcome.Error(error)
        answer.put(result or outcome.Error(self.cancellation.error()))
        del self._under_way[scope]
        if self.closed and not self._under_way:
            self._all_ended.set()


def _is_cancellation(error: BaseException) -> bool:
    """Whether an error says that something was cancelled, and nothing else; it may be a group of such."""
    return BaseExceptionGroup("", [error]).split((trio.Cancelled, RunCancelled))[1] is None
