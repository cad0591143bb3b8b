"""The thread in which a procedure runs."""

from __future__ import annotations

import contextvars
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

import attrs
import outcome
import trio

from labtroupe.runs._cancellation import Cancellation, RunCancelled

T = TypeVar("T")

_PACKAGE: Final = Path(__file__).parents[1]


@attrs.define(eq=False)
class ProcedureThread(Generic[T]):
    """A thread of its own for one function; not one of `trio.to_thread`, of which there is a limited number.

    Attributes:
        name: That of the thread.
        result: What the function came to; ``None`` until it has ended, and for ever once it was left.
    """

    name: str
    _procedure: Callable[[], T]
    _cancellation: Cancellation
    result: outcome.Outcome[T] | None = attrs.field(default=None, init=False)
    _ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    _left: bool = attrs.field(default=False, init=False)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token, init=False)
    _ident: int = attrs.field(default=0, init=False)

    def start(self) -> None:
        """Have the function begin.

        Raises:
            RuntimeError: There can be no more threads.
        """
        work = contextvars.copy_context().run
        trio.lowlevel.start_thread_soon(lambda: work(self._work), self._deliver, self.name)

    async def wait_ended(self) -> None:
        """Wait until the function has ended; to be cancelled leaves it alone, and its result goes nowhere."""
        try:
            await self._ended.wait()
        finally:
            self._left = self.result is None

    def place(self) -> str:
        """Return where the function is now, in words."""
        frame = sys._current_frames().get(self._ident)  # noqa: SLF001 - documented and stable
        if frame is None:
            return "about to begin"
        # From outside to inside; what waits is in the standard library or in this package, and says little.
        *_, entry = (
            each
            for each in traceback.extract_stack(frame)
            if each.filename != threading.__file__ and not Path(each.filename).is_relative_to(_PACKAGE)
        )
        return f"at {entry.filename}:{entry.lineno} in {entry.name}"

    def _work(self) -> T:
        self._ident = threading.get_ident()
        self._cancellation.check()
        try:
            return self._procedure()
        except RunCancelled as error:
            if self._cancellation.cancelled:
                raise
            raise RuntimeError("RunCancelled was raised by the procedure itself") from error

    def _deliver(self, result: outcome.Outcome[T]) -> None:
        """Hand over the result; in the thread."""
        # Where the loop has ended nobody waits for it.
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._settle, result)

    def _settle(self, result: outcome.Outcome[T]) -> None:
        if not self._left:
            self.result = result
            self._ended.set()
