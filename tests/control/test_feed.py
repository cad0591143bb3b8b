"""The feed: one ring, any number of listeners, and an end."""

from __future__ import annotations

from contextlib import aclosing

import trio
from trio.testing import wait_all_tasks_blocked

from labtroupe.control import Feed, Missed
from labtroupe.control._feed import KEPT
from labtroupe.messages import Event


async def listen(feed: Feed, heard: list[Event]) -> None:
    """Follow a feed to its end."""
    async with aclosing(feed.read(follow=True)) as events:
        async for event in events:
            heard += [event]


async def test_who_follows_hears_what_was_and_what_comes_until_it_is_closed() -> None:
    feed, heard = Feed(), list[Event]()
    was, comes, last = (Event(instrument=name) for name in ("was", "comes", "last"))
    feed.publish(was)
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, feed, heard)
            await wait_all_tasks_blocked()
            feed.publish(comes)
            await wait_all_tasks_blocked()
            feed.publish(last)
            feed.close()

    assert heard == [was, comes, last]


async def test_who_does_not_follow_hears_what_was() -> None:
    feed = Feed()
    event = Event(instrument="was")
    feed.publish(event)

    assert [each async for each in feed.read(follow=False)] == [event]


async def test_who_is_too_slow_is_told_how_much_is_missing() -> None:
    feed, heard = Feed(), list[Event]()
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, feed, heard)
            await wait_all_tasks_blocked()
            for number in range(KEPT + 3):
                feed.publish(Event(instrument=str(number)))
            feed.close()
    missed = heard[0]

    assert isinstance(missed, Missed)
    assert (missed.kind, missed.count) == ("missed", 3)
    assert [event.instrument for event in heard[1:]] == [str(number) for number in range(3, KEPT + 3)]
