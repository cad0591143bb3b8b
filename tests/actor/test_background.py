"""What runs beside the commands of a life."""

from __future__ import annotations

import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, background
from labtroupe.errors import CommandCancelled, Outcome, inner
from labtroupe.messages import command

from ._lives import Lives, lives


@attrs.define(eq=False)
class Keeper(Actor):
    """Has a task of its own, and a diary that outlives it."""

    diary: list[str]

    async def on_start(self) -> None:
        """Start slowly."""
        await trio.sleep(1)
        self.diary.append("started")

    async def on_stop(self) -> None:
        """Stop."""
        self.diary.append("stopped")

    @command
    async def work(self, seconds: float = 0.0) -> str:
        """Work for a while."""
        await trio.sleep(seconds)
        return "done"

    @background
    async def keep(self) -> None:
        """Be there until it is over."""
        self.diary.append("keeps")
        try:
            await trio.sleep_forever()
        finally:
            self.diary.append("kept")


@attrs.define(eq=False)
class Failing(Keeper):
    """Fails some time after its start."""

    @background
    async def fail(self) -> None:
        """Fail."""
        await trio.sleep(10)
        raise OSError("broken")


@asynccontextmanager
async def staged(actor_type: type[Keeper]) -> AsyncGenerator[Lives[Keeper]]:
    """Run one actor of a class."""
    diary: list[str] = []
    async with lives(actor_type, lambda: actor_type(diary)) as stage:
        yield stage


async def test_a_background_task_runs_beside_the_commands_of_each_life(autojump_clock: MockClock) -> None:
    """PLR-4, PLR-7, S16: it begins after the start, and has ended before the stop."""
    async with staged(Keeper) as s:
        await wait_all_tasks_blocked()
        assert s.actor.diary == ["started", "keeps"]
        assert await s.ref.ask(Keeper.work(2)) == "done"
        s.scope.cancel()
        await trio.sleep(2)
        assert s.actor.diary == ["started", "keeps", "kept", "stopped", "started", "keeps"]
        assert s.crashes == []


async def test_a_background_task_that_returns_leaves_the_life_alone(autojump_clock: MockClock) -> None:
    """S16."""

    class Brief(Keeper):
        @background
        async def keep(self) -> None:
            self.diary.append("keeps")

    async with staged(Brief) as s:
        await trio.sleep(10)
        assert await s.ref.ask(Keeper.work()) == "done"
        assert (s.actor.diary, s.cell.life) == (["started", "keeps"], 1)


async def test_what_a_background_task_raises_ends_its_life_and_says_where_it_comes_from(
    autojump_clock: MockClock,
) -> None:
    """PLR-16, S15, S16: bare, with its traceback and the name of the task."""
    async with staged(Failing) as s:
        reply = s.ref.send(Keeper.work(100), timeout=200)
        with pytest.raises(CommandCancelled, match="the actor went down under it"):
            await reply
        assert (trio.current_time(), reply.outcome) == (11, Outcome.UNKNOWN)
        assert await s.ref.ask(Keeper.work()) == "done"

        (crash,) = s.crashes
        assert isinstance(crash, OSError)
        assert crash.__notes__ == ["in the background task 'fail'"]
        assert traceback.extract_tb(crash.__traceback__)[-1].name == "fail"
        assert s.cell.life == 2


async def test_the_task_has_the_names_of_its_actor_and_its_method(autojump_clock: MockClock) -> None:
    """S14: whoever looks at the tasks knows whose it is."""
    names: list[str] = []

    class Named(Keeper):
        @background
        async def keep(self) -> None:
            names.append(trio.lowlevel.current_task().name)

    async with staged(Named):
        await wait_all_tasks_blocked()
        assert names == ["worker: keep"]


async def test_what_a_task_raises_when_it_is_cancelled_is_recorded_too(autojump_clock: MockClock) -> None:
    """S15: nothing is lost."""

    class Twice(Failing):
        @background
        async def keep(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                if trio.current_time() < 15:
                    raise KeyError("also")

    async with staged(Twice) as s:
        await trio.sleep(15)
        (crash,) = s.crashes
        assert {type(each) for each in inner(crash)} == {OSError, KeyError}


async def test_background_tasks_are_inherited_and_overridden_by_name(autojump_clock: MockClock) -> None:
    """S16: as commands are."""

    class More(Keeper):
        @background
        async def more(self) -> None:
            self.diary.append("more")

    @attrs.define(eq=False)
    class Most(More):
        @background
        async def keep(self) -> None:
            """Begin in another way; attrs builds this class twice, and knows only the methods it sees."""
            self.diary.append("first")
            await super().keep()

        async def more(self) -> None:
            """Do nothing by itself."""

    async with staged(More) as s:
        await wait_all_tasks_blocked()
        assert sorted(s.actor.diary) == ["keeps", "more", "started"]
    async with staged(Most) as s:
        await wait_all_tasks_blocked()
        assert s.actor.diary == ["started", "first", "keeps"]


def sync(_: object) -> None:
    """Be no coroutine function."""


def test_a_background_task_that_is_not_async_is_refused() -> None:
    """Whoever forgets the ``async`` is told when the class is made."""
    with pytest.raises(TypeError, match=r"^a background task is an async method, and sync is not$"):
        background(cast("Any", sync))
