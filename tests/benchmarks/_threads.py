"""Rows: a thread that asks an actor."""

from __future__ import annotations

from queue import SimpleQueue
from time import process_time

import trio

from ._harness import MICROSECONDS, OURS, Contender, Row, Share
from ._naive import naive_actors
from ._ours import Counter, counters


async def _ask_ours(count: int) -> float:
    async with counters() as (ref,):

        def work() -> float:
            began = process_time()
            for _ in range(count):
                trio.from_thread.run(ref.ask, Counter.look())
            return (process_time() - began) / count

        return await trio.to_thread.run_sync(work)


async def _ask_naive(count: int) -> float:
    async with naive_actors() as (actor,):

        def work() -> float:
            began = process_time()
            for _ in range(count):
                trio.from_thread.run(actor.ask)
            return (process_time() - began) / count

        return await trio.to_thread.run_sync(work)


async def _call(count: int) -> float:
    """Call a function in trio's thread, and wait until it has answered: less cannot be done."""
    token = trio.lowlevel.current_trio_token()

    def work() -> float:
        answers: SimpleQueue[int] = SimpleQueue()
        began = process_time()
        for _ in range(count):
            token.run_sync_soon(answers.put, 0)
            answers.get()
        return (process_time() - began) / count

    return await trio.to_thread.run_sync(work)


ROWS = [
    Row(
        name="thread",
        title="a thread asks an actor and waits for the answer, again and again",
        unit=MICROSECONDS,
        size=2_000,
        tiny=5,
        contenders=[
            Contender.on_trio(OURS, _ask_ours),
            Contender.on_trio("naive trio", _ask_naive),
            Contender.on_trio("run_sync_soon", _call),
        ],
        goals=[Share("run_sync_soon", 1.3)],
    ),
]
