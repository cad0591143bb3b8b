"""Conducts a run: a thread for the procedure, a log of what happens, and one end to both."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar, TypeVarTuple

import attrs
import outcome
import trio

from labtroupe.bench import Bench
from labtroupe.channel import Channel
from labtroupe.errors import RunAbandoned, RunLogError, bare
from labtroupe.runs._bench import RunBench
from labtroupe.runs._calls import Calls
from labtroupe.runs._cancellation import Cancellation, RunCancelled
from labtroupe.runs._log import RunLog
from labtroupe.runs._records import Begin, End, How, Record, decode
from labtroupe.runs._run import Run
from labtroupe.runs._thread import ProcedureThread
from labtroupe.runs._words import begin_of, code_of, reason_of

R = TypeVar("R")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

GRACE: Final = 10.0
"""Seconds that a procedure has to end once it is cancelled, unless it is said otherwise."""
_BEHIND: Final = 100_000
"""Records that may wait for the disk, some tens of megabytes; then who reports has to wait, too."""
_SOURCES: Final = {"deadline": "the deadline around it has come", "KeyboardInterrupt": "Ctrl-C"}
"""Why trio has cancelled something, in words, where nobody has given a reason."""


@trio.lowlevel.enable_ki_protection
async def run_procedure(
    bench: Bench,
    procedure: Callable[[Run, *Ts], T],
    *args: *Ts,
    log: str | os.PathLike[str],
    grace: float = GRACE,
    on_record: Callable[[Record], object] | None = None,
) -> T:
    """Run a plain, blocking function in a thread of its own, and return what it returns.

    What it reports, which commands it gives and how it ends is in its log, which is whole and
    closed when this returns or raises.  To be cancelled has each call, report and sleep of the
    procedure raise `RunCancelled` from then on; this waits until it has ended.

    Args:
        bench: The bench whose instruments it uses.
        procedure: The function, called with a `Run` and ``args``; `functools.partial` gives it more by name.
        args: What it gets besides the run.
        log: Where to write the log; nothing may be there yet.
        grace: Seconds it has to end once it is cancelled, its clean-up included; what it has under way
            in trio then has one more, and is left behind if it cannot be cancelled.
        on_record: Called in trio with each record once it is written; what it raises cancels the run.

    Raises:
        RunLogError: The log cannot be written; the procedure was not begun, or was cancelled.
        RunAbandoned: It did not end in time; its thread runs on, and can reach nothing any more.
        Exception: What the procedure has raised, or ``on_record``, as it is.
    """
    if inspect.iscoroutinefunction(procedure):
        raise TypeError("a procedure is a plain function, not an async one: await that instead")
    begin = begin_of(procedure, args, bench.name)
    conduct = _Conduct(bench, lambda run: procedure(run, *args), begin, Path(log), grace, on_record)
    await trio.lowlevel.checkpoint()
    await conduct.run()
    return await conduct.result()


@attrs.define(eq=False)
class _Conduct(Generic[T]):
    """One run, from its first record to its last.

    All of it but what waits for a cancellation is shielded, and bounded by the procedure, whose
    time is bounded by its grace once it is cancelled.
    """

    bench: Bench
    procedure: Callable[[Run], T]
    begin: Begin
    path: Path
    grace: float
    on_record: Callable[[Record], object] | None
    _cancellation: Cancellation = attrs.field(factory=Cancellation, init=False)
    _calls: Calls = attrs.field(init=False)
    _channel: Channel[bytes] = attrs.field(init=False)
    _thread: ProcedureThread[T] = attrs.field(init=False)
    _patience: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    # One at a time has the log, in whatever thread.
    _limiter: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1), init=False)
    # What went wrong besides the procedure, and why it is not waited for any more.
    _trouble: BaseException | None = attrs.field(default=None, init=False)
    _abandoned: RunAbandoned | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Make what needs the rest."""
        self._calls = Calls(self.bench.name, trio.lowlevel.current_trio_token(), self._cancellation)
        self._channel = Channel(f"the log {self.path}", limit=_BEHIND)
        bench = RunBench(self.bench, self._calls, self._channel)
        run = Run(bench, self._calls, self._cancellation, self._channel)
        name = f"run {self.begin.procedure}"
        self._thread = ProcedureThread(name, lambda: self.procedure(run), self._cancellation)

    async def run(self) -> None:
        """Do all of it; raise nothing but a Ctrl-C."""
        interrupted = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_cancellation)
                nursery.start_soon(self._keep, nursery.cancel_scope)
        except* KeyboardInterrupt:
            # trio raises it in its main task, which has waited here for the others, to the end.
            interrupted = True
        if interrupted:
            raise KeyboardInterrupt

    async def result(self) -> T:
        """Return what the procedure has returned, or raise why it has not.

        Nothing hides the error of the procedure, and nothing but that hides any other.
        """
        result, trouble = self._thread.result, self._abandoned or self._trouble
        if isinstance(result, outcome.Error) and not isinstance(result.error, RunCancelled):
            if trouble is not None:
                result.error.add_note(f"Meanwhile: {trouble}")
        elif trouble is not None:
            raise trouble
        elif isinstance(result, outcome.Error):
            await trio.lowlevel.checkpoint_if_cancelled()
        assert result is not None  # noqa: S101 - or there was trouble
        return result.unwrap()

    @trio.lowlevel.enable_ki_protection
    async def _watch_cancellation(self) -> None:
        """Tell the procedure that it is cancelled; all others here are deaf for it."""
        try:
            await trio.sleep_forever()
        except trio.Cancelled as cancelled:
            # Not raised again: who was cancelled is so still, and finds out in the end.
            self._cancel(cancelled.reason or _SOURCES.get(cancelled.source, "its caller was cancelled"))

    @trio.lowlevel.enable_ki_protection
    async def _keep(self, scope: trio.CancelScope) -> None:
        """Do all of it, and cancel ``scope`` at the end."""
        with trio.CancelScope(shield=True):
            try:
                log = await self._with_log(RunLog.create, self.path, self.begin)
            except RunLogError as error:
                self._trouble = error
            else:
                self._show(self.begin)
                await self._keep_log(log)
        scope.cancel("the run is over")

    def _cancel(self, reason: str) -> None:
        if not self._cancellation.cancelled:
            self._cancellation.cancel(reason)
            self._calls.cancel()
            self._patience.deadline = trio.current_time() + self.grace

    async def _keep_log(self, log: RunLog) -> None:
        """Carry out the run and end its log: the channel is closed, then empty, then comes the end."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, log)
                with self._channel:
                    await self._carry_out()
        except BaseException as error:  # noqa: BLE001 - raised once the log is whole
            self._go_wrong(bare(error))
        how, reason, code = self._ending()
        end = End(time=time.time(), how=how, records=log.records, reason=reason, code=code)
        try:
            await self._with_log(log.finish, end)
        except Exception as error:  # noqa: BLE001 - the same
            self._go_wrong(error)
        else:
            self._show(end)
        finally:
            log.close()

    async def _carry_out(self) -> None:
        self._thread.start()
        try:
            with self._patience:
                await self._thread.wait_ended()
        finally:
            if self._thread.result is None and self._cancellation.cancelled:
                self._abandoned = self._abandon()
            # In this order: who is cut off finds out why.
            self._cancel("the run is over")
            self._cancellation.end("the run is over")
            await self._calls.close(self._patience.deadline)

    def _abandon(self) -> RunAbandoned:
        return RunAbandoned(
            f"{self.begin.procedure} has not ended within {self.grace:g} s of its cancellation; "
            f"its thread {self._thread.name!r} is {self._thread.place()}"
        )

    def _ending(self) -> tuple[How, str, str]:
        match self._thread.result, self._abandoned or self._trouble:
            case outcome.Value(), _:
                return How.DONE, "", ""
            case outcome.Error(error=RunCancelled()), _:
                return How.CANCELLED, self._cancellation.reason, ""
            case outcome.Error(error=error), _:
                return How.FAILED, reason_of(error), code_of(error)
            case _, error:
                assert error is not None  # noqa: S101 - or there was a result
                how = How.ABANDONED if error is self._abandoned else How.CRASHED
                return how, reason_of(error), code_of(error)

    @trio.lowlevel.enable_ki_protection
    async def _write(self, log: RunLog) -> None:
        """Write what comes until there is nothing more; cancel the run where that does not work."""
        # Its own shield: what ends the writing is the end of the channel, and nothing else.
        with trio.CancelScope(shield=True):
            while batch := await self._channel.receive_batch():
                try:
                    await self._with_log(log.append, batch)
                except Exception as error:  # noqa: BLE001 - the same
                    self._go_wrong(error)
                else:
                    await self._show_all(batch)

    async def _show_all(self, lines: Sequence[bytes]) -> None:
        if self.on_record is not None:
            for line in lines:
                # So that a flood of them holds up nobody.
                await trio.lowlevel.checkpoint()
                self._show(decode(line))

    def _show(self, record: Record) -> None:
        """Let who looks on see a record."""
        try:
            if self.on_record is not None:
                self.on_record(record)
        except BaseException as error:  # noqa: BLE001 - the same
            self._go_wrong(error)

    def _go_wrong(self, error: BaseException) -> None:
        """Cancel the run for another reason than its procedure; the first is raised in the end."""
        self._trouble = self._trouble or error
        self._cancel(reason_of(error))

    async def _with_log(self, work: Callable[..., R], *args: object) -> R:
        """Do what may wait for the disk."""
        return await trio.to_thread.run_sync(work, *args, limiter=self._limiter)
