"""Calls from threads into trio, which end when their run is cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import attrs
import outcome
import trio

from labtroupe.runs._cancellation import Cancellation, RunCancelled
from labtroupe.sync import Crossing

T = TypeVar("T")


@attrs.define(eq=False)
class Calls(Crossing):
    """Carries out in trio what threads ask for, each call in a task of its own.

    It is served by `serve` until it is closed.

    Attributes:
        cancellation: What threads are told that have to end.
    """

    cancellation: Cancellation
    # Both belong to trio's thread; there is no nursery before it is served and once it is closed.
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)
    _scopes: set[trio.CancelScope] = attrs.field(factory=set[trio.CancelScope], init=False)

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
        answer = SimpleQueue[outcome.Outcome[T]]()
        try:
            self.token.run_sync_soon(self._take, work, answer, self.cancellation.in_cleanup)
        except trio.RunFinishedError:
            raise RunCancelled("the event loop has ended") from None
        return answer.get().unwrap()

    async def serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Carry out calls until it is closed."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def close(self) -> None:
        """Cancel what is under way, and refuse what comes later."""
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel("the run is over")
            self._nursery = None

    def cancel(self) -> None:
        """Cancel what is under way, save what cleans up."""
        for scope in self._scopes:
            scope.cancel("the run was cancelled")

    def _take(self, work: Callable[[], Awaitable[Any]], answer: SimpleQueue[Any], in_cleanup: bool) -> None:  # noqa: FBT001 - run_sync_soon passes by position
        if self._nursery is None or (self.cancellation.cancelled and not in_cleanup):
            answer.put(outcome.Error(self.cancellation.error()))
            return
        scope = trio.CancelScope()
        if not in_cleanup:
            self._scopes.add(scope)
        self._nursery.start_soon(self._do, work, answer, scope)

    @trio.lowlevel.enable_ki_protection
    async def _do(
        self, work: Callable[[], Awaitable[Any]], answer: SimpleQueue[Any], scope: trio.CancelScope
    ) -> None:
        result: outcome.Outcome[Any] | None = None
        try:
            with scope:
                result = outcome.Value(await work())
        except Exception as error:  # noqa: BLE001 - it is the thread's
            result = outcome.Error(error)
        finally:
            self._scopes.discard(scope)
            # Whatever else has happened, somebody waits for it.
            answer.put(result or outcome.Error(self.cancellation.error()))
