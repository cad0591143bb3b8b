"""What a thread is told of the cancellation of its run: again at each step, until it has ended."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

import attrs


class RunCancelled(BaseException):
    """The run was cancelled, or is over: its threads have to end.

    Not an `Exception`, so that it passes through the ``except Exception`` of a procedure.
    """


@attrs.define(eq=False)
class Cancellation:
    """Whether a run is to go on; known to all its threads.

    Attributes:
        reason: Why it is cancelled, in words; empty as long as it is not.
    """

    reason: str = attrs.field(default="", init=False)
    _cancelled: threading.Event = attrs.field(factory=threading.Event, init=False)
    _over: threading.Event = attrs.field(factory=threading.Event, init=False)
    # It goes along with a call into trio.  Each run has its own: one may run within the clean-up of another.
    _cleaning: ContextVar[bool] = attrs.field(
        factory=lambda: ContextVar("labtroupe_cleaning", default=False), init=False
    )

    def cancel(self, reason: str) -> None:
        """Have every thread end that does not clean up; the first reason stays."""
        if not self._cancelled.is_set():
            self.reason = reason
            self._cancelled.set()

    def end(self, reason: str) -> None:
        """Have every thread end that is still there."""
        self.cancel(reason)
        self._over.set()

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled, or is over."""
        return self._cancelled.is_set()

    @property
    def in_cleanup(self) -> bool:
        """Whether the present thread cleans up, or the present task does for one that does."""
        return self._cleaning.get()

    @contextmanager
    def cleanup(self) -> Generator[None]:
        """Have the present thread clean up: within the block only the end of the run counts."""
        token = self._cleaning.set(True)
        try:
            yield
        finally:
            self._cleaning.reset(token)

    def check(self) -> None:
        """Let the present thread go on.

        Raises:
            RunCancelled: It has to end.
        """
        self.wait(0)

    def wait(self, seconds: float) -> None:
        """Have the present thread wait.

        Raises:
            RunCancelled: It has to end.
        """
        if (self._over if self.in_cleanup else self._cancelled).wait(seconds):
            raise self.error()

    def error(self) -> RunCancelled:
        """Return what a thread is told that has to end."""
        return RunCancelled(self.reason)
