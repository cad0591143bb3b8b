"""The thread that owns a bench: trio runs in it, and what is opened there is closed there."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Sequence
from typing import ClassVar, Final

import attrs
import trio

from labtroupe.bench import BenchConfig, open_bench
from labtroupe.client import make_socket_path
from labtroupe.control import open_listener, serve
from labtroupe.errors import BenchError
from labtroupe.supervision import Member
from labtroupe.sync._crossing import Crossing
from labtroupe.sync._inside import Inside

# Seconds for all that is still open when the interpreter ends: more than an ordered stop takes.
_AT_EXIT: Final = 30.0


@attrs.define(eq=False)
class Owner:
    """Runs a bench in a thread of its own, with its control socket, until it is told to stop.

    Attributes:
        config: What its file says.
        await_required: Whether it is open only when its required instruments run.
        bench: Its blocking face; ``None`` until it is open.
        failure: Why it ended by itself, or what it has left behind; ``None`` if nothing went wrong.
        started: Those that may still run.
    """

    config: BenchConfig
    await_required: bool
    bench: Inside | None = attrs.field(default=None, init=False)
    failure: BaseException | None = attrs.field(default=None, init=False)
    _thread: threading.Thread = attrs.field(init=False)
    _opened: threading.Event = attrs.field(factory=threading.Event, init=False)
    _ended: threading.Event = attrs.field(factory=threading.Event, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _crossing: Crossing | None = attrs.field(default=None, init=False)
    _told: bool = attrs.field(default=False, init=False)

    started: ClassVar[set[Owner]] = set()

    @_thread.default
    def _make_thread(self) -> threading.Thread:
        # A daemon, because Python waits for any other before it calls what `atexit` has.  That is
        # the moment to stop: after all threads that may still ask something of the bench.
        return threading.Thread(target=self._run, name=f"labtroupe: {self.config.name}", daemon=True)

    @property
    def running(self) -> bool:
        """Whether the bench is open, and has not ended."""
        return self.bench is not None and not self._ended.is_set()

    def start(self) -> Inside:
        """Open the bench, and return its face.

        Raises:
            BenchError: A bench of this name runs already, or nobody can say what is halted.
            RestartLimitError: A required instrument did not start.
        """
        try:
            self._thread.start()
            self._opened.wait()
        except BaseException:
            # As by Ctrl-C; what was opened is closed before the caller knows of it.
            self.stop()
            raise
        if self.bench is None:
            raise self.failure or BenchError(f"the bench {self.config.name} was stopped while it opened")
        return self.bench

    def stop(self, patience: float | None = None) -> None:
        """Stop the bench in order, and wait until all is closed; to do it twice does no harm.

        Args:
            patience: Seconds to wait for it; ``None`` for no limit.
        """
        self.tell_to_stop()
        # One that was never started, or is left of a fork, never ends.
        if self._thread.is_alive():
            self._ended.wait(patience)

    def tell_to_stop(self) -> None:
        """Have the bench stopped, and do not wait for it."""
        # First the word, then the way; the thread does it the other way round, so none is missed.
        self._told = True
        if self._crossing is not None:
            self._crossing.call_soon(self._scope.cancel)

    def _run(self) -> None:
        self.started.add(self)
        try:
            trio.run(self._own)
        except BaseException as error:  # noqa: BLE001 - raised where the bench is closed
            self.failure = error
            if self._crossing is not None:
                self._crossing.ended_by = error
        finally:
            self.started.discard(self)
            self._ended.set()
            self._opened.set()

    async def _own(self) -> None:
        self._crossing = crossing = Crossing(self.config.name, trio.lowlevel.current_trio_token())
        if self._told:
            return
        with self._scope, open_listener(make_socket_path(self.config.name)) as listener:
            opening = open_bench(
                self.config, await_required=self.await_required, on_wedged=self._leave_behind
            )
            async with opening as bench:
                self.bench = Inside(bench, crossing)
                self._opened.set()
                await serve(bench.service, listener)

    def _leave_behind(self, members: Sequence[Member]) -> None:
        """Let nobody wait any longer for those that do not stop; the thread goes on waiting."""
        names = ", ".join(sorted(member.spec.name for member in members))
        self.failure = BenchError(
            f"the bench {self.config.name} was stopped but for {names}, told to stop, and does not",
            remedy="Their ports stay claimed until this process ends.",
        )
        self._ended.set()


def _stop_all() -> None:
    """Stop all that is still open when the interpreter ends, at the same time."""
    owners, until = list(Owner.started), time.monotonic() + _AT_EXIT
    for owner in owners:
        owner.tell_to_stop()
    for owner in owners:
        owner.stop(max(0.0, until - time.monotonic()))


atexit.register(_stop_all)
