"""Actors that follow a script, under a supervisor that is watched from outside."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random

import attrs
import pytest
import trio

from labtroupe.actor import Actor
from labtroupe.errors import CommandCrashed
from labtroupe.lifecycle import MOVES, State
from labtroupe.messages import Event, StateChanged, command
from labtroupe.policy import Backoff, Group, Policy
from labtroupe.supervision import ChildSpec, Supervisor

NO_JITTER = Backoff(jitter=0.0)
AT_ONCE = Backoff(first=0.0)


@attrs.define(eq=False)
class Script:
    """What the lives of one actor do, and what became of them; survives them all."""

    on_start: Callable[[int], object] = lambda _: None
    start_seconds: float = 0.0
    stop_seconds: float = 0.0
    stop_error: Exception | None = None
    lives: int = 0
    log: list[str] = attrs.field(factory=list[str])


@attrs.define(eq=False)
class Played(Actor):
    """An actor that follows a script."""

    quarantine_after = math.inf

    name: str
    script: Script

    async def on_start(self) -> None:
        """Start as the script says."""
        self.script.lives += 1
        self.script.log.append(f"start {self.name}")
        await trio.sleep(self.script.start_seconds)
        self.script.on_start(self.script.lives)

    async def on_stop(self) -> None:
        """Stop as the script says."""
        await trio.sleep(self.script.stop_seconds)
        self.script.log.append(f"stop {self.name}")
        if self.script.stop_error is not None:
            raise self.script.stop_error

    @command
    async def look(self) -> int:
        """Return the number of this life."""
        return self.script.lives

    @command
    async def work(self, seconds: float) -> None:
        """Work for a while."""
        await trio.sleep(seconds)

    @command
    async def crash(self) -> None:
        """Crash."""
        raise OSError("broken")

    @command
    async def break_when_cancelled(self) -> None:
        """Raise an error where a cancellation was due."""
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            raise OSError("broken by the cancellation") from None

    @command
    async def wedge(self, seconds: float) -> None:
        """Ignore every cancellation."""
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)


@attrs.define(eq=False)
class Run:
    """A running supervisor, with all that its children noted."""

    supervisor: Supervisor
    events: list[Event]

    def states(self, name: str) -> list[State]:
        """Return the states one child has gone through."""
        return [e.after for e in self.events if isinstance(e, StateChanged) and e.instrument == name]


def child(
    name: str, script: Script, *, start_timeout: float = 10.0, policy: Policy | None = None
) -> ChildSpec:
    return ChildSpec(
        name=name,
        factory=lambda: Played(name, script),
        actor_type=Played,
        start_timeout=start_timeout,
        policy=policy or Policy(backoff=NO_JITTER),
    )


@asynccontextmanager
async def supervised(*specs: ChildSpec, groups: Mapping[str, Group] | None = None) -> AsyncGenerator[Run]:
    """Run a supervisor; everything must have ended when it has."""
    events: list[Event] = []
    chance = Random(1)  # noqa: S311 - repeatable, not secret
    run = Run(Supervisor(specs, events.append, chance, groups=groups or {}), events)
    with trio.fail_after(100_000):
        async with trio.open_nursery() as nursery:
            await nursery.start(run.supervisor.run)
            yield run
            nursery.cancel_scope.cancel()
    for member in run.supervisor.walk():
        assert (len(member.cell.mailbox), member.cell.current, member.actor) == (0, None, None)
    for event in events:
        if isinstance(event, StateChanged) and event.before is not event.after:
            assert event.after in MOVES[event.before], event


def shared(scripts: Sequence[Script]) -> list[str]:
    """Let several scripts write into one log, and return it."""
    log: list[str] = []
    for script in scripts:
        script.log = log
    return log


async def crash(run: Run, name: str) -> None:
    with pytest.raises(CommandCrashed):
        await run.supervisor.ref(name, Played).ask(Played.crash())
