"""The blocking face of a bench that runs in trio, from other threads of its process."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import attrs
import pytest
import trio

from labtroupe import open_bench
from labtroupe.errors import BenchError, CommandTimeout, Outcome
from labtroupe.sync import Bench, facing

from ._kinds import Everything

T = TypeVar("T")

BENCH = f"""
[bench]
name = "faced"

[instruments.all]
kind = "{Everything.__module__}:Everything"
address = "sim:linkam-t95"
"""


@asynccontextmanager
async def faced(tmp_path: Path) -> AsyncGenerator[Bench]:
    """Run a bench, and have its face."""
    (tmp_path / "bench.toml").write_text(BENCH)
    with trio.fail_after(10):
        async with open_bench(tmp_path / "bench.toml") as bench:
            yield facing(bench)


@attrs.define(eq=False)
class Foreign:
    """A thread that is none of trio's."""

    result: list[object] = attrs.field(factory=list[object])

    async def run(self, work: Callable[[], object]) -> object:
        """Do ``work`` there, and return its result or raise its error."""
        thread = threading.Thread(target=self._work, args=[work])
        thread.start()
        while thread.is_alive():  # noqa: ASYNC110 - a thread that knows nothing of trio
            await trio.sleep(0.002)
        (result,) = self.result
        if isinstance(result, BaseException):
            raise result
        return result

    def _work(self, work: Callable[[], object]) -> None:
        try:
            self.result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised in the other thread
            self.result.append(error)


async def test_a_thread_of_trios_own_asks_by_plain_calls(tmp_path: Path) -> None:
    """PLR-5."""
    async with faced(tmp_path) as bench:
        assert await trio.to_thread.run_sync(lambda: bench["all"].double(2.5)) == 5.0


async def test_a_foreign_thread_asks_by_plain_calls(tmp_path: Path) -> None:
    """PLR-5."""
    async with faced(tmp_path) as bench:
        assert await Foreign().run(lambda: bench["all"].double(2.5)) == 5.0


async def test_an_error_arrives_as_it_was_raised(tmp_path: Path) -> None:
    """R3."""
    async with faced(tmp_path) as bench:
        await trio.to_thread.run_sync(bench.ask, "all", Everything.nothing())
        with pytest.raises(CommandTimeout) as caught:
            await Foreign().run(lambda: bench["all"].sleep(timeout=0.3))

    assert caught.value.outcome is Outcome.UNKNOWN
    assert caught.value.stage == "running"


async def test_cancelling_the_task_of_a_thread_cancels_what_the_thread_asked_for(tmp_path: Path) -> None:
    """SC-1: and each later call in that thread is cancelled again, as at any checkpoint."""
    later: list[BaseException] = []

    def procedure() -> None:
        try:
            bench["all"].sleep()
        finally:
            try:
                bench["all"].nothing()
            except BaseException as error:
                later.append(error)
                raise

    async with faced(tmp_path) as bench:
        await trio.to_thread.run_sync(bench.ask, "all", Everything.nothing())
        with trio.move_on_after(0.5) as scope:
            await trio.to_thread.run_sync(procedure)
        counts = await trio.to_thread.run_sync(bench.ask, "all", Everything.counts())

    assert scope.cancelled_caught
    assert [type(each) for each in later] == [trio.Cancelled]
    assert counts == [1, 1]


async def test_the_deadline_of_the_task_of_a_thread_is_that_of_its_calls(tmp_path: Path) -> None:
    """R1."""
    async with faced(tmp_path) as bench:
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.2):
            await trio.to_thread.run_sync(lambda: bench["all"].sleep(timeout=20))


async def test_a_thread_of_another_run_of_trio_is_a_foreign_one(tmp_path: Path) -> None:
    async def elsewhere() -> object:
        return await trio.to_thread.run_sync(lambda: bench["all"].double(2.5))

    async with faced(tmp_path) as bench:
        assert await Foreign().run(lambda: trio.run(elsewhere)) == 5.0


async def test_a_call_where_trio_runs_is_refused(tmp_path: Path) -> None:
    """It would wait for itself."""
    async with faced(tmp_path) as bench:
        with pytest.raises(RuntimeError, match="trio runs in this thread"):
            bench.status()
        with pytest.raises(RuntimeError, match="trio runs in this thread"):
            bench.ask("all", Everything.counts())
        with pytest.raises(RuntimeError, match="trio runs in this thread"):
            list(bench.events())


async def test_of_several_threads_that_ask_at_once_each_gets_its_own_answers(tmp_path: Path) -> None:
    """PLR-5: of either kind."""
    answers: dict[int, object] = {}

    async def ask(number: int, run: Callable[[Callable[[], object]], Awaitable[object]]) -> None:
        answers[number] = await run(lambda: [bench["all"].double(number) for _ in range(20)])

    async with faced(tmp_path) as bench, trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(ask, number, Foreign().run)
            nursery.start_soon(ask, -1 - number, trio.to_thread.run_sync)

    assert answers == {number: [2.0 * number] * 20 for number in range(-3, 3)}


def test_a_call_after_the_end_says_so(tmp_path: Path) -> None:
    async def main() -> Bench:
        async with faced(tmp_path) as bench:
            return bench

    bench = trio.run(main)

    with pytest.raises(BenchError, match="faced does not run any more"):
        bench.status()
    assert "does not run any more" in repr(bench)
