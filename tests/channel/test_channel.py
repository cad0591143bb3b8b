"""The channel from threads into trio: nothing is lost or put in another order, nobody waits for the loop."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import pytest
import trio
import trio.testing

from labtroupe.channel import Channel
from labtroupe.errors import ChannelClosed

# Milliseconds that a thread may be held by one report.
HELD = 5.0


@contextmanager
def threads(*works: Callable[[], object]) -> Generator[list[threading.Thread]]:
    """Run each in a thread of its own, and let none outlast the block."""
    started = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in started:
        thread.start()
    try:
        yield started
    finally:
        for thread in started:
            thread.join(10)


async def drain(channel: Channel[int]) -> list[int]:
    """Return all there is in a channel that is closed."""
    return [item async for item in channel]


async def test_what_was_sent_before_the_close_arrives_and_in_order() -> None:
    """OT-2: drains."""
    with trio.fail_after(5):
        with Channel[int]("numbers") as channel:
            for number in range(5):
                channel.send(number)

        assert await drain(channel) == [0, 1, 2, 3, 4]


async def test_once_it_is_closed_each_later_send_says_so() -> None:
    """OT-3: every time, with its name."""
    with Channel[int]("numbers") as channel:
        channel.close()
    for _ in range(3):
        with pytest.raises(ChannelClosed, match="numbers is closed"):
            channel.send(1)


async def test_it_is_closed_however_its_block_ends() -> None:
    """OT-11: forgetting it is not possible."""
    with pytest.raises(ZeroDivisionError), Channel[int]("numbers") as channel:  # noqa: PT012 - the block is what is tested
        channel.send(1)
        raise ZeroDivisionError
    with pytest.raises(ChannelClosed):
        channel.send(2)
    with trio.fail_after(5):
        assert await drain(channel) == [1]


async def test_the_end_comes_each_time_one_receives() -> None:
    """OT-3: to receive from one that is closed and empty never waits."""
    with trio.fail_after(5):
        with Channel[int]("numbers") as channel:
            pass
        for _ in range(2):
            assert await channel.receive_batch() == channel._items
            with pytest.raises(StopAsyncIteration):
                await anext(channel)


async def test_a_close_from_a_thread_ends_who_waits() -> None:
    """OT-2."""
    with trio.fail_after(5), Channel[int]("numbers") as channel:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain, channel)
            nursery.start_soon(drain, channel)
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(channel.close)


async def test_a_thread_wakes_who_waits() -> None:
    """OT-2."""
    with trio.fail_after(5), Channel[int]("numbers") as channel:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _() -> None:
                for number in range(3):
                    await trio.testing.wait_all_tasks_blocked()
                    await trio.to_thread.run_sync(channel.send, number)

            for number in range(3):
                assert await anext(channel) == number


async def test_to_be_cancelled_while_waiting_loses_nothing() -> None:
    """OT-7: at whatever moment after the item has come."""
    taken, left = list[int](), list[int]()
    with trio.fail_after(5):
        for number in range(50):
            with Channel[int]("numbers") as channel:
                async with trio.open_nursery() as nursery:

                    @nursery.start_soon
                    async def _(channel: Channel[int] = channel) -> None:
                        taken.append(await anext(channel))

                    await trio.testing.wait_all_tasks_blocked()
                    channel.send(number)
                    for _moment in range(number % 10):
                        await trio.lowlevel.checkpoint()
                    nursery.cancel_scope.cancel()
            left += await drain(channel)

    assert sorted(taken + left) == list(range(50))
    assert taken
    assert left


async def test_who_is_cancelled_takes_nothing() -> None:
    """OT-7."""
    with Channel[int]("numbers") as channel:
        channel.send(1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await channel.receive_batch()
    with trio.fail_after(5):
        assert await drain(channel) == [1]


async def test_a_thread_waits_for_room_and_a_task_does_not() -> None:
    """OT-2: what is full is stated: nothing is dropped, and the loop never waits."""
    sent: list[int] = []

    def produce() -> None:
        for number in range(10):
            channel.send(number)
            sent.append(number)

    with trio.fail_after(5), Channel[int]("numbers", limit=3) as channel, threads(produce):
        while len(channel._items) < 3:  # noqa: ASYNC110 - a thread is waited for
            await trio.sleep(0.001)
        channel.send(-1)
        await trio.sleep(0.02)
        assert sent == [0, 1, 2]
        assert [await anext(channel) for _ in range(11)] == [0, 1, 2, -1, *range(3, 10)]


async def test_a_thread_that_waits_for_room_is_told_of_the_close() -> None:
    """OT-3."""
    told: list[str] = []

    def produce() -> None:
        with pytest.raises(ChannelClosed) as caught:
            channel.send(2)
        told.append(str(caught.value))

    with Channel[int]("numbers", limit=1) as channel:
        channel.send(1)
        with threads(produce):
            await trio.sleep(0.01)
            channel.close()

    assert told == ["numbers is closed: nothing can be sent any more"]


def test_when_the_loop_has_ended_a_send_that_would_have_to_wake_it_says_so() -> None:
    """OT-3: nobody sends into the void."""
    kept: list[Channel[int]] = []

    async def main() -> None:
        channel = Channel[int]("numbers")
        kept.append(channel)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.receive_batch)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(main)
    with pytest.raises(ChannelClosed, match="numbers leads nowhere"):
        kept[0].send(1)


def held_by(steps: int, hold: Callable[[float], None]) -> tuple[list[float], list[int]]:
    """Hold up a loop ten times; return the milliseconds that each report took, and what arrived."""
    took: list[float] = []
    arrived: list[int] = []

    def report(channel: Channel[int]) -> None:
        with channel:
            for step in range(steps):
                before = time.perf_counter()
                channel.send(step)
                took.append((time.perf_counter() - before) * 1e3)
                time.sleep(3.0 / steps)

    async def main() -> None:
        channel = Channel[int]("progress")
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _() -> None:
                arrived.extend([step async for step in channel])

            with threads(lambda: report(channel)):
                for _round in range(10):
                    hold(0.3)
                    await trio.sleep(0.001)

    trio.run(main)
    return took, arrived


def spin(seconds: float) -> None:
    """Hold up the loop with Python code."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("hold", [time.sleep, spin])
def test_a_loop_that_is_busy_does_not_hold_up_a_thread_that_reports(hold: Callable[[float], None]) -> None:
    """OT-1: 300 ms, ten times; the thread goes on within 5 ms, and all arrives in order."""
    gc.collect()
    took, arrived = held_by(1000, hold)
    late = [each for each in took if each > HELD]

    # A busy machine may take a thread off its processor; to wait for the loop would be 300 ms, ten times.
    assert sum(late) < 300, late
    assert max(took) < 100, late
    assert arrived == list(range(1000))


async def test_several_producers_each_arrive_whole_and_in_order() -> None:
    """OT-2: three of them, 30,000 items each."""
    arrived: list[tuple[str, int]] = []

    def produce(channel: Channel[tuple[str, int]], name: str) -> None:
        for number in range(30_000):
            channel.send((name, number))

    with trio.fail_after(20), Channel[tuple[str, int]]("items") as channel:

        async def consume() -> None:
            while batch := await channel.receive_batch():
                arrived.extend(batch)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume)
            async with trio.open_nursery() as producers:
                for name in "abc":
                    producers.start_soon(trio.to_thread.run_sync, produce, channel, name)
            channel.close()

    assert len(arrived) == 90_000
    for name in "abc":
        assert numbers(arrived, name) == list(range(30_000))


def numbers(items: Sequence[tuple[str, int]], name: str) -> list[int]:
    """Return the numbers of one producer, as they came."""
    return [number for who, number in items if who == name]
