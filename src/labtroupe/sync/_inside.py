"""The blocking face of a bench that runs in this process."""

from __future__ import annotations

import inspect
import math
from collections.abc import Generator, Mapping
from typing import TypeVar

import msgspec
import trio

from labtroupe import bench as trio_bench
from labtroupe.client import GRACE, EventRecord
from labtroupe.control import operations_of, to_json
from labtroupe.errors import Outcome
from labtroupe.instrument import Instrument
from labtroupe.messages import Event, Message
from labtroupe.sync._bench import Bench, explaining, refuse_in_trio
from labtroupe.sync._crossing import Crossing

R = TypeVar("R")
T = TypeVar("T")


def facing(bench: trio_bench.Bench, token: trio.lowlevel.TrioToken | None = None) -> Bench:
    """Return the blocking face of a running bench, for the other threads of its process.

    Its calls are carried out in the bench's loop.  In a thread of
    `trio.to_thread.run_sync` they belong to the task that waits for the thread: they end
    by its deadline, and once it is cancelled each call raises `trio.Cancelled`, as a
    checkpoint would.

    Args:
        bench: As `labtroupe.open_bench` gives it.
        token: The loop it runs in; this one where not given.
    """
    crossing = Crossing(bench.name, token or trio.lowlevel.current_trio_token())
    return Inside(bench, crossing)


class Inside(Bench):
    """A bench that runs in this process, in another thread.

    Attributes:
        running: As it is seen in its loop.
        crossing: The way into that.
    """

    def __init__(self, bench: trio_bench.Bench, crossing: Crossing) -> None:
        super().__init__(bench.name)
        self.crossing = crossing
        self.running = bench

    def ask(self, name: str, message: Message[R], *, timeout: float | None = None) -> R:
        """Send ``message`` to an instrument and return its answer."""
        refuse_in_trio()
        limit = message.command.timeout if timeout is None else timeout
        patience = None if limit == math.inf else limit + GRACE
        with explaining():
            ref = self.running.ref(name, Instrument)
            return self.crossing.carry_out(lambda: ref.ask(message, timeout=timeout), patience)

    def events(self, *, follow: bool = False, instrument: str | None = None) -> Generator[EventRecord]:
        """Yield the events the bench remembers, and with ``follow`` those that come."""
        refuse_in_trio()
        events = self.running.service.events(follow=follow, instrument=instrument)

        # A step that Ctrl-C has left may still unwind, and a generator that runs cannot be closed.
        turn = trio.Lock()

        async def advance() -> Event | None:
            async with turn:
                return await anext(events, None)

        async def close() -> None:
            async with turn:
                await events.aclose()

        try:
            while (event := self.crossing.carry_out(advance)) is not None:
                yield _record(event)
        finally:
            # Not waited for: the garbage collector may run this in any thread, the loop's included.
            self.crossing.start_soon(close)

    def ask_bench(
        self,
        op: str,
        args: Mapping[str, object],
        result_type: type[T],
        *,
        patience: float | None = None,
        lost: Outcome | None = None,  # noqa: ARG002 - it cannot go away alone
    ) -> T:
        """Have the bench carry out an operation of its control service."""
        refuse_in_trio()
        operation = operations_of(self.running.service)[op]

        async def work() -> object:
            result = operation(**args)
            return await result if inspect.isawaitable(result) else result

        with explaining():
            return msgspec.convert(self.crossing.carry_out(work, patience), result_type)


def _record(event: Event) -> EventRecord:
    fields = to_json(event)
    return msgspec.structs.replace(msgspec.convert(fields, EventRecord), fields=fields)
