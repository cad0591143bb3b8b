"""The thread that owns a bench: trio runs in it, and what is opened there is closed there."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import attrs
import trio

from labtroupe import bench as trio_bench
from labtroupe.bench import BenchConfig
from labtroupe.client import make_socket_path
from labtroupe.control import open_listener, serve
from labtroupe.errors import BenchError, LabtroupeError
from labtroupe.supervision import Member
from labtroupe.sync._crossing import Crossing

# Seconds for all that is still open when the interpreter ends: more than an ordered stop takes.
_AT_EXIT: Final = 30.0


def _make_thread(owner: Owner) -> threading.Thread:
    # A daemon, because Python waits for any other before it calls what `atexit` has.  That is
    # the moment to stop: after all threads that may still ask something of the bench.
    return threading.Thread(target=owner.run, name=f"labtroupe: {owner.config.name}", daemon=True)


@attrs.define(eq=False)
class Owner:
    """Runs a bench in a thread of its own, with its control socket, until it is told to stop.

    Attributes:
        config: What the bench is.
        await_required: Whether it is open only when its required instruments run.
        on_open: Called in the thread with the bench and the way into its loop, when it is open.
        failure: Why it ended by itself, or what it has left behind; ``None`` if nothing went wrong.
        told: It was told to stop.
        started: Those whose thread runs.
    """

    config: BenchConfig
    await_required: bool
    on_open: Callable[[trio_bench.Bench, Crossing], None]
    failure: BaseException | None = attrs.field(default=None, init=False)
    told: bool = attrs.field(default=False, init=False)
    _thread: threading.Thread = attrs.field(default=attrs.Factory(_make_thread, takes_self=True), init=False)
    _opened: threading.Event = attrs.field(factory=threading.Event, init=False)
    _ended: threading.Event = attrs.field(factory=threading.Event, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _crossing: Crossing | None = attrs.field(default=None, init=False)

    started: ClassVar[set[Owner]] = set()

    @property
    def thread_name(self) -> str:
        """The name of its thread."""
        return self._thread.name

    @property
    def ended(self) -> bool:
        """Whether the bench runs no more, or only with instruments that do not stop."""
        return self._ended.is_set()

    def start(self) -> None:
        """Start the thread, and wait until the bench is open or could not be opened."""
        try:
            self._thread.start()
            self._opened.wait()
        except BaseException:
            # As by Ctrl-C; what was opened is closed before the caller knows of it.
            self.stop()
            raise
        finally:
            # However this ends: a second Ctrl-C leaves a thread that still runs.
            _stop_at_exit()

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
        self.told = True
        if self._crossing is not None:
            self._crossing.call_soon(self._cancel, self._crossing)

    def _cancel(self, crossing: Crossing) -> None:
        # One that ends already may have failed, and to cancel it would hide why.
        if not crossing.closed:
            self._scope.cancel("it was told to stop")

    def run(self) -> None:
        """Run the bench to its end; in the thread."""
        self.started.add(self)
        try:
            trio.run(self._own)
        except BaseException as error:  # noqa: BLE001 - raised where the bench is closed
            self.failure = _presentable(error)
            if self._crossing is not None:
                self._crossing.ended_by = error
        finally:
            self.started.discard(self)
            self._ended.set()
            self._opened.set()

    async def _own(self) -> None:
        self._crossing = crossing = Crossing(self.config.name, trio.lowlevel.current_trio_token())
        if self.told:
            return
        with self._scope, open_listener(make_socket_path(self.config.name)) as listener:
            opening = trio_bench.open_bench(
                self.config, await_required=self.await_required, on_wedged=self._leave_behind
            )
            async with opening as bench:
                self.on_open(bench, crossing)
                self._opened.set()
                try:
                    await serve(bench.service, listener)
                finally:
                    crossing.closed = True

    def _leave_behind(self, members: Sequence[Member]) -> None:
        """Let nobody wait any longer for those that do not stop; the thread goes on waiting."""
        names = ", ".join(sorted(member.spec.name for member in members))
        self.failure = BenchError(
            f"the bench {self.config.name} was stopped but for {names}, told to stop, and does not",
            remedy="Its port stays claimed until this process ends.",
        )
        self._ended.set()


def _presentable(error: BaseException) -> BaseException:
    """Return an error without how it came out of the loop, which is of interest to nobody."""
    if isinstance(error, LabtroupeError):
        # Not even hidden: where a group of trio's is behind an error, IPython shows it as mere text.
        error.__context__ = error.__traceback__ = None
    return error


def _stop_all() -> None:
    """Stop all that is still open when the interpreter ends, at the same time."""
    owners, until = list(Owner.started), time.monotonic() + _AT_EXIT
    for owner in owners:
        owner.tell_to_stop()
    for owner in owners:
        owner.stop(max(0.0, until - time.monotonic()))


def _stop_at_exit() -> None:
    """Have what is open stopped before all else that was to be done at the end of the interpreter.

    Last in, first out: to remove the folder of the simulated devices is among the rest.
    """
    atexit.unregister(_stop_all)
    atexit.register(_stop_all)
