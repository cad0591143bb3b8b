"""Calls that may hang: nobody waits for them for ever, and nothing they opened is lost."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import attrs
import pytest
import trio

from labtroupe.transport._threads import call_in_thread


@attrs.define(eq=False)
class Hang:
    """A driver that hangs until it is let go."""

    undone: list[str] = attrs.field(factory=list[str])
    closed_in: threading.Thread | None = None
    go_on: threading.Event = attrs.field(factory=threading.Event)
    ended: threading.Event = attrs.field(factory=threading.Event)

    def work(self, mine: contextlib.ExitStack) -> str:
        """Open something, once let go."""
        self.go_on.wait(5)
        mine.callback(self.close)
        return "opened"

    def close(self) -> None:
        """Close what was opened; that may hang as well."""
        self.undone.append("port")
        self.closed_in = threading.current_thread()

    def claim(self) -> contextlib.ExitStack:
        """Return what the caller has to undo."""
        undo = contextlib.ExitStack()
        undo.callback(self.ended.set)
        undo.callback(self.undone.append, "claim")
        return undo


@pytest.fixture
def hang() -> Iterator[Hang]:
    """A driver that hangs, but not longer than the test."""
    hang = Hang()
    yield hang
    hang.go_on.set()
    assert hang.ended.wait(1)


async def test_what_a_call_opened_is_the_callers(hang: Hang) -> None:
    hang.go_on.set()
    with trio.fail_after(1), hang.claim() as undo:
        result = await call_in_thread(hang.work, undo)
        before = list(hang.undone)

    assert result == "opened"
    assert before == []
    assert hang.undone == ["port", "claim"]


async def test_what_a_failing_call_opened_is_undone_when_its_error_arrives(hang: Hang) -> None:
    """PLR-10."""

    def fail(mine: contextlib.ExitStack) -> None:
        hang.go_on.set()
        hang.work(mine)
        raise OSError("no such device")

    with trio.fail_after(1), hang.claim() as undo:
        with pytest.raises(OSError, match="no such device"):
            await call_in_thread(fail, undo)
        before = list(hang.undone)

    assert before == ["port"]
    assert hang.undone == ["port", "claim"]


async def test_the_loop_goes_on_meanwhile(hang: Hang) -> None:
    """PLR-14: a thread is for what blocks, and for nothing else."""
    with trio.fail_after(1), hang.claim() as undo:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call_in_thread, hang.work, undo)
            await trio.sleep(0.01)
            hang.go_on.set()


async def test_a_cancelled_call_is_undone_before_the_caller_is_let_go(hang: Hang) -> None:
    """PLR-10: an open that takes its time, but does not hang."""
    timer = threading.Timer(0.1, hang.go_on.set)
    timer.start()
    with trio.fail_after(1), trio.move_on_after(0.02) as scope, hang.claim() as undo:
        await call_in_thread(hang.work, undo)
    undone = list(hang.undone)
    timer.join()

    assert scope.cancelled_caught
    assert undone == ["port", "claim"]


async def test_a_hanging_call_holds_its_caller_only_shortly_and_keeps_the_claim(hang: Hang) -> None:
    """SC-3, P16, R13: what may still be in use is not given up."""
    started = trio.current_time()
    with trio.move_on_after(0.02) as scope, hang.claim() as undo:
        await call_in_thread(hang.work, undo)
    elapsed = trio.current_time() - started
    while_hanging = list(hang.undone)
    hang.go_on.set()
    with trio.fail_after(1):
        await trio.to_thread.run_sync(hang.ended.wait)

    assert scope.cancelled_caught
    assert elapsed < 0.5
    assert while_hanging == []
    assert hang.undone == ["port", "claim"]
    assert hang.closed_in is not threading.current_thread()


def test_a_call_that_outlives_its_loop_is_undone(hang: Hang) -> None:
    """PLR-13."""

    async def leave() -> None:
        with trio.move_on_after(0.02), hang.claim() as undo:
            await call_in_thread(hang.work, undo)

    trio.run(leave)
    hang.go_on.set()
    assert hang.ended.wait(1)

    assert hang.undone == ["port", "claim"]


@pytest.mark.parametrize("steps", range(8))
async def test_a_result_that_races_with_a_cancellation_is_undone_once(hang: Hang, steps: int) -> None:
    """PLR-10."""
    hang.go_on.set()

    async def call(work: Callable[[contextlib.ExitStack], str]) -> None:
        with hang.claim() as undo:
            await call_in_thread(work, undo)

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call, hang.work)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    assert hang.undone == ["port", "claim"]
