"""The way from a thread that may block into trio's loop, and back."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar, cast

import attrs
import outcome
import trio

from labtroupe.errors import BenchError, Outcome

T = TypeVar("T")

# Seconds for which a call that was interrupted waits until what it asked for has been cancelled.
_UNWIND: Final = 2.0
_ELSEWHERE: Final = object()


@attrs.define(eq=False)
class _Errand(Generic[T]):
    """Work that the loop does for a thread.

    Attributes:
        work: What to do.
        scope: Around it, for who asked for it and does not want it any more.
        answer: Where the result is put.
    """

    work: Callable[[], Awaitable[T]]
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    answer: SimpleQueue[outcome.Outcome[T]] = attrs.field(factory=SimpleQueue[outcome.Outcome[T]], init=False)

    async def run(self) -> None:
        """Do it; raises nothing, for what a system task raises ends the loop and with it the bench."""
        # The loop ends, or its waiter cancelled it and does not wait any more.
        result: outcome.Outcome[T] = outcome.Error(trio.RunFinishedError())
        try:
            with suppress(trio.Cancelled), self.scope:
                result = outcome.Value(await self.work())
        except BaseException as error:  # noqa: BLE001 - raised in the waiter's thread
            result = outcome.Error(error)
        self.answer.put(result)


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
    _process: int = attrs.field(factory=os.getpid, init=False)

    def carry_out(self, work: Callable[[], Awaitable[T]], patience: float | None = None) -> T:
        """Have ``work`` done in the loop, and return its result.

        In a thread of `trio.to_thread.run_sync` in this loop it is done by the task that waits for the
        thread, within its cancel scopes: cancelling it cancels the work, and this raises
        `trio.Cancelled`.  In any other thread an exception such as `KeyboardInterrupt`,
        which ends the waiting, cancels the work too.

        Args:
            work: What to do.
            patience: Seconds after which any other thread waits no longer; ``None`` for no limit.

        Raises:
            BenchError: The bench or the loop has ended, or something holds it up; or this is a
                process that was forked from the bench's.
        """
        if os.getpid() != self._process:
            raise BenchError(
                f"the bench {self.bench} runs in process {self._process}, and this one was forked from it",
                remedy="Attach to it here: `labtroupe.sync.attach()`.",
            )

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
            return self._from_outside(unless_closed, patience)
        except trio.RunFinishedError:
            raise self.gone() from None

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        """Have a function called in the loop if that still runs; does not wait for it."""
        with suppress(trio.RunFinishedError):
            self.token.run_sync_soon(function, *args)

    def start_soon(self, work: Callable[[], Awaitable[object]]) -> None:
        """Have ``work`` begun in the loop if that still runs; does not wait for it, nor raise its errors."""
        self._begin(_Errand(work))

    def gone(self) -> BenchError:
        """Return the error that says that the bench runs no more."""
        reason = f": {self.ended_by}" if self.ended_by else ""
        return BenchError(f"the bench {self.bench} does not run any more{reason}", remedy="Open it again.")

    async def _here(self, work: Callable[[], Awaitable[object]]) -> object:
        # A thread of another loop, which cannot wait for what happens in this one.
        if trio.lowlevel.current_trio_token() is not self.token:
            return _ELSEWHERE
        return await work()

    def _begin(self, errand: _Errand[T]) -> None:
        context, thread = contextvars.copy_context(), threading.current_thread().name

        def begin() -> None:
            try:
                trio.lowlevel.spawn_system_task(errand.run, name=thread, context=context)
            except RuntimeError:
                # In a loop that ends there are no new tasks.
                errand.answer.put(outcome.Error(trio.RunFinishedError()))

        try:
            self.token.run_sync_soon(begin)
        except trio.RunFinishedError as error:
            errand.answer.put(outcome.Error(error))

    def _from_outside(self, work: Callable[[], Awaitable[T]], patience: float | None) -> T:
        errand = _Errand(work)
        try:
            self._begin(errand)
            result = errand.answer.get(timeout=patience)
        except Empty:
            self.call_soon(errand.scope.cancel)
            raise self._silent() from None
        except BaseException:
            # As Ctrl-C raises it in the main thread.  Nothing of what was asked is to come later.
            self.call_soon(errand.scope.cancel)
            with suppress(Empty):
                errand.answer.get(timeout=_UNWIND)
            raise
        return result.unwrap()

    def _silent(self) -> BenchError:
        error = BenchError(
            f"the bench {self.bench} runs, but does not answer",
            remedy="The code of an instrument blocks, and holds up all of them; labtroupe's log says where.",
        )
        error.outcome = Outcome.UNKNOWN
        return error


def _is_trios_own() -> bool:
    """Return whether this is a thread of `trio.to_thread.run_sync`; raises if its task is cancelled."""
    try:
        trio.from_thread.check_cancelled()
    except RuntimeError:
        return False
    return True
