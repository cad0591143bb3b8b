"""The watchdog of the loop, in real time: a mocked clock stands still with the loop."""

from __future__ import annotations

import logging
import threading
import time

import pytest
import trio

from labtroupe.messages import Event, LoopHeldUp
from labtroupe.supervision import Watchdog


def wait_without_await(seconds: float) -> None:
    time.sleep(seconds)


async def test_code_that_holds_up_the_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """S12: in the log while it does, and as one event when the loop goes on."""
    events: list[Event] = []
    with trio.fail_after(10), caplog.at_level(logging.ERROR):
        async with trio.open_nursery() as nursery:

            def take(event: Event) -> None:
                events.append(event)
                nursery.cancel_scope.cancel()

            nursery.start_soon(Watchdog(take, limit=0.1).run)
            await trio.sleep(0.05)
            wait_without_await(0.5)
            assert "wait_without_await" in caplog.text
    [event] = events
    assert isinstance(event, LoopHeldUp)
    assert event.elapsed > 0.4
    assert "in wait_without_await\n    time.sleep(seconds)" in event.stack


async def test_waiting_with_await_is_no_fault_and_no_thread_is_left() -> None:
    events: list[Event] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Watchdog(events.append, limit=0.5).run)
        await trio.sleep(0.7)
        nursery.cancel_scope.cancel()
    assert events == []
    assert "labtroupe watchdog" not in {thread.name for thread in threading.enumerate()}
