"""Those who watch an actor see what becomes of it."""

from __future__ import annotations

import gc
import random
import weakref

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, ActorRef, Cell, Change, ChangeKind, Deadlines, Mailbox


def make_cell() -> Cell:
    """Make the cell of an actor that nobody runs."""
    return Cell("worker", Actor, Mailbox(), Deadlines(), lambda _: None)


CHANGES = [
    Change(ChangeKind.UP, 1),
    Change(ChangeKind.DOWN, 1, "broken"),
    Change(ChangeKind.UP, 2),
    Change(ChangeKind.WEDGED, 2, "does not stop"),
    Change(ChangeKind.DOWN, 2, "broken"),
    Change(ChangeKind.PARKED, 2, "3 restarts in 30 s"),
]


async def test_a_watcher_sees_each_change_once_and_in_order(autojump_clock: MockClock) -> None:
    """S16."""
    cell = make_cell()
    seen: list[Change] = []

    async def watch() -> None:
        async for change in ActorRef[Actor](cell).watch():
            seen.append(change)  # noqa: PERF401 - it never ends by itself

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await wait_all_tasks_blocked()
            cell.tell_watchers(CHANGES[0])
            cell.tell_watchers(CHANGES[1])
            await wait_all_tasks_blocked()
            for change in CHANGES[2:]:
                cell.tell_watchers(change)
                await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    assert seen == CHANGES


async def test_a_watcher_sees_what_comes_after_it_has_begun_to_watch(autojump_clock: MockClock) -> None:
    """From the call on, and not from its first wait: nothing is lost in between."""
    cell = make_cell()
    cell.tell_watchers(CHANGES[0])
    watch = ActorRef[Actor](cell).watch()
    cell.tell_watchers(CHANGES[1])
    late = ActorRef[Actor](cell).watch()
    cell.tell_watchers(CHANGES[2])
    with trio.fail_after(10):
        assert [await anext(watch), await anext(watch)] == CHANGES[1:3]
        assert await anext(late) == CHANGES[2]


@pytest.mark.parametrize("seed", range(5))
async def test_watchers_of_any_pace_see_the_same(autojump_clock: MockClock, seed: int) -> None:
    """S16: nobody holds up anybody."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    cell = make_cell()
    seen: list[list[Change]] = [[] for _ in range(20)]
    told = [Change(ChangeKind.UP, life) for life in range(50)]

    async def watch(changes: list[Change], pace: float) -> None:
        async for change in ActorRef[Actor](cell).watch():
            changes.append(change)
            await trio.sleep(chance.random() * pace)

    with trio.fail_after(10_000):
        async with trio.open_nursery() as nursery:
            for number, changes in enumerate(seen):
                nursery.start_soon(watch, changes, number)
            await wait_all_tasks_blocked()
            for change in told:
                cell.tell_watchers(change)
                await trio.sleep(chance.choice([0, 1]))
            assert trio.current_time() <= len(told)
            await trio.sleep(5_000)
            nursery.cancel_scope.cancel()
    assert seen == [told] * len(seen)


@pytest.mark.parametrize("attempt", range(10))
async def test_a_watcher_that_is_cancelled_loses_nothing(autojump_clock: MockClock, attempt: int) -> None:
    """S16: woken and cancelled in one tick, it gets the change now or the next time."""
    del attempt  # trio shuffles the order of tasks in a tick
    cell = make_cell()
    watch = ActorRef[Actor](cell).watch()
    seen: list[Change] = []

    async def tell() -> None:
        await trio.sleep(1)
        cell.tell_watchers(CHANGES[0])

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            with trio.move_on_after(1):
                seen.append(await anext(watch))
        cell.tell_watchers(CHANGES[1])
        while len(seen) < 2:
            seen.append(await anext(watch))
    assert seen == CHANGES[:2]


async def test_what_nobody_watches_any_more_is_forgotten(autojump_clock: MockClock) -> None:
    """A watcher that is gone keeps nothing, and a slow one only what it has not seen."""
    cell = make_cell()
    cell.tell_watchers(CHANGES[0])
    assert cell.changes._last is None
    watch = ActorRef[Actor](cell).watch()
    first = weakref.ref(watch._place)
    with trio.fail_after(10), trio.move_on_after(1):
        await anext(watch)
    for change in CHANGES:
        cell.tell_watchers(change)
    gc.collect()
    assert first() is not None
    assert await anext(watch) == CHANGES[0]
    gc.collect()
    assert first() is None
    second = weakref.ref(watch._place)
    del watch
    gc.collect()
    assert second() is None
