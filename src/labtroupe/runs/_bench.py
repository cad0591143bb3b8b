"""The bench of a run: its blocking face, which notes each command in the run's log."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import attrs
import trio

from labtroupe import bench as trio_bench
from labtroupe.channel import Channel
from labtroupe.errors import ChannelClosed, CommandCancelled, LabtroupeError, Outcome
from labtroupe.messages import Message
from labtroupe.records import CallResult
from labtroupe.runs._calls import Calls
from labtroupe.runs._cancellation import RunCancelled
from labtroupe.runs._records import CommandRecord, encode
from labtroupe.runs._words import code_of, plain, reason_of, words
from labtroupe.sync import Crossing, Inside

R = TypeVar("R")


class RunBench(Inside):
    """As `labtroupe.sync.facing` gives it, but each call ends when the run is cancelled."""

    def __init__(self, bench: trio_bench.Bench, calls: Calls, channel: Channel[bytes]) -> None:
        super().__init__(bench, calls)
        self._calls = calls
        self._channel = channel

    def ask(self, name: str, message: Message[R], *, timeout: float | None = None) -> R:
        """Send ``message`` to an instrument and return its answer."""
        return self._noting(name, repr(message)).ask(name, message, timeout=timeout)

    def call_as(  # noqa: PLR0913, PLR0917 - as it is inherited
        self,
        op: str,
        name: str,
        command: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        timeout: float | None,
    ) -> CallResult:
        """Ask an instrument, in the way that an operation of the control service answers."""
        values = [*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())]
        noting = self._noting(name, f"{command}({', '.join(values)})")
        return noting.call_as(op, name, command, args, kwargs, timeout)

    def _noting(self, instrument: str, command: str) -> Inside:
        calls = self._calls
        noting = _Noting(calls.bench, calls.token, calls, self._channel, instrument, command)
        return Inside(self.running, noting)


@attrs.define(eq=False)
class _Noting(Crossing):
    """The way of one command into trio's loop.

    It is noted there, before the thread has its answer: so that it is in the log also
    where the thread does not wait for that any more.
    """

    calls: Calls
    channel: Channel[bytes]
    instrument: str
    command: str

    def carry_out(self, work: Callable[[], Awaitable[R]], patience: float | None = None) -> R:
        """Have the command done, and noted."""
        begun = False

        async def done_and_noted() -> R:
            nonlocal begun
            begun, began = True, trio.current_time()
            try:
                value = await work()
            except trio.Cancelled:
                self._note(began, error=CommandCancelled("the run was cancelled"))
                raise
            except Exception as error:
                self._note(began, error=error)
                raise
            # The control service answers with the unit, too.
            self._note(began, value=value.value if isinstance(value, CallResult) else value)
            return value

        try:
            return self.calls.carry_out(done_and_noted, patience)
        except RunCancelled:
            if not begun:
                # Or nobody would know: it may have been meant as a clean-up.
                refused = CommandCancelled("the run was cancelled; a clean-up asks within `run.cleanup()`")
                refused.outcome = Outcome.NOT_SENT
                self._note(None, error=refused)
            raise

    def _note(self, began: float | None, *, value: object = None, error: Exception | None = None) -> None:
        record = CommandRecord(
            time=time.time(),
            seconds=0.0 if began is None else trio.current_time() - began,
            instrument=self.instrument,
            command=words(self.command),
            outcome=_outcome_of(error),
            value=plain(value),
            reason="" if error is None else reason_of(error),
            code="" if error is None else code_of(error),
        )
        # A run that has not waited for it has no log any more.
        with suppress(ChannelClosed):
            self.channel.send(encode(record))


def _outcome_of(error: Exception | None) -> Outcome | None:
    if error is None:
        return Outcome.DONE
    return error.outcome if isinstance(error, LabtroupeError) else None
