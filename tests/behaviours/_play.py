"""A play: a supervisor whose children do what a test says, and a diary of what they did."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import ClassVar

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from labtroupe.actor import Actor, ActorRef, finish
from labtroupe.errors import CommandCrashed, CommandRefused, RestartLimitError
from labtroupe.lifecycle import State
from labtroupe.messages import Event, StateChanged, command
from labtroupe.policy import AutoShutdown, Backoff, Group, Policy, Restart, RestartLimit
from labtroupe.supervision import ChildSpec, Supervisor

PATIENCE = 1e6
"""Seconds of virtual time after which a test has hung."""

AT_ONCE = Backoff(first=0.0)


def otp(
    restart: Restart = Restart.PERMANENT,
    *,
    max_restarts: int = 2,
    max_seconds: float = 3600.0,
) -> Policy:
    """Return a policy as OTP has it: no pause before a restart, and giving up ends the supervisor."""
    limit = RestartLimit(max_restarts=max_restarts, max_seconds=max_seconds, max_attempts=1000)
    return Policy(restart=restart, critical=True, backoff=AT_ONCE, limit=limit)


async def _just_come_up(_: int) -> None:
    """Come up at once, every time."""


def failing(*lives: int, seconds: float = 0.0) -> Callable[[int], Awaitable[object]]:
    """Return an opening that fails in these lives after a while."""

    async def opening(life: int) -> None:
        if life in lives:
            await trio.sleep(seconds)
            raise OSError("not now")

    return opening


@attrs.define(eq=False)
class Part:
    """What the lives of one child do; survives them all.

    Attributes:
        opening: Awaited in each start, with the number of the life; may sleep, raise, and the like.
        stop_seconds: How long its clean-up takes.
        player: The class of its actors.
        lives: How many lives have begun.
        diary: What happened to it and to those that play with it, in order.
    """

    name: str
    policy: Policy = attrs.field(factory=otp)
    opening: Callable[[int], Awaitable[object]] = _just_come_up
    stop_seconds: float = 0.0
    start_timeout: float = 10.0
    mailbox: int = 16
    player: type[Player] = attrs.field(factory=lambda: Player)
    lives: int = attrs.field(default=0, init=False)
    diary: list[str] = attrs.field(factory=list[str], init=False)

    def spec(self) -> ChildSpec:
        """Return what a supervisor has to know of it."""
        return ChildSpec(
            name=self.name,
            factory=lambda: self.player(self),
            actor_type=self.player,
            policy=self.policy,
            start_timeout=self.start_timeout,
            mailbox=self.mailbox,
        )


@attrs.define(eq=False)
class Player(Actor):
    """An actor that plays a part."""

    quarantine_after: ClassVar[float] = math.inf  # most of these suites crash it over and over again

    part: Part
    memory: list[str] = attrs.field(factory=list[str])

    async def on_start(self) -> None:
        """Start as the part says."""
        self.part.lives += 1
        self.part.diary.append(f"start {self.part.name}")
        await self.part.opening(self.part.lives)
        self.part.diary.append(f"up {self.part.name}")

    async def on_stop(self) -> None:
        """Stop as the part says."""
        await trio.sleep(self.part.stop_seconds)
        self.part.diary.append(f"stop {self.part.name}")

    @command(idempotent=True)
    async def life(self) -> int:
        """Return the number of this life."""
        return self.part.lives

    @command(timeout=1e9)
    async def echo(self, value: object, seconds: float = 0.0) -> object:
        """Return a value after a while."""
        self.part.diary.append(f"echo {value}")
        await trio.sleep(seconds)
        return value

    @command
    async def remember(self, word: str) -> None:
        """Keep a word for the rest of this life."""
        self.memory.append(word)

    @command
    async def recall(self) -> list[str]:
        """Return what this life has been told to remember."""
        return list(self.memory)

    @command
    async def refuse(self, reason: str = "no") -> None:
        """Say no."""
        raise CommandRefused(reason)

    @command
    async def die(self) -> None:
        """Crash."""
        raise OSError("died")

    @command
    async def end(self) -> None:
        """End this life without an error."""
        finish()

    @command
    async def die_when_cancelled(self) -> None:
        """Crash instead of being cancelled."""
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("died of the cancellation")

    @command(timeout=1e9)
    async def ignore_cancellation(self, seconds: float) -> str:
        """Work on for a while whatever anybody says."""
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        return "late"

    @command(timeout=1e9)
    async def relay(self, other: ActorRef[Player], value: object, seconds: float = 0.0) -> object:
        """Ask another actor for its echo."""
        return await other.ask(Player.echo(value, seconds))


@attrs.define(eq=False)
class Play:
    """A running supervisor and what is known of it.

    Attributes:
        diary: What the children did, in order.
        ended: Set once the supervisor has ended.
        failure: What it gave up with, if it did.
    """

    supervisor: Supervisor
    diary: list[str]
    events: list[Event]
    ended: trio.Event = attrs.field(factory=trio.Event)
    failure: RestartLimitError | None = None

    def ref(self, name: str) -> ActorRef[Player]:
        """Return the ref to a child."""
        return self.supervisor.ref(name, Player)

    def state(self, name: str) -> State:
        """Return what a child is doing."""
        return self.ref(name).state

    def lives(self) -> str:
        """Return who is up in the whole tree, with the number of the life: ``a1 b3``."""
        up = (member for member in self.supervisor.walk() if member.cell.state is State.RUNNING)
        return " ".join(f"{member.spec.name}{member.cell.life}" for member in up)

    async def life(self, name: str) -> int:
        """Wait until a child answers, and return the number of its life."""
        return await self.ref(name).ask(Player.life(), timeout=1000)

    async def all_up(self) -> None:
        """Wait until every child of the tree is up."""
        for member in self.supervisor.walk():
            await self.supervisor.wait_state(member.spec.name, State.RUNNING)

    def add(self, part: Part) -> ActorRef[Player]:
        """Let another one join."""
        part.diary = self.diary
        self.supervisor.add(part.spec())
        return self.ref(part.name)

    def counts(self) -> tuple[int, int, int, int]:
        """Return how many children are known, active, supervisors, and workers."""
        members = list(self.supervisor)
        active = sum(member.cell.state is State.RUNNING for member in members)
        branches = sum(member.spec.inner is not None for member in members)
        return len(members), active, branches, len(members) - branches

    def listed(self) -> list[tuple[str, State]]:
        """Return the children with their states."""
        return [(member.spec.name, member.cell.state) for member in self.supervisor]

    async def end(self, name: str) -> None:
        """Let a child end without an error, and everything follow that follows at once."""
        await self.ref(name).ask(Player.end(), timeout=1000)
        await wait_all_tasks_blocked()

    async def die(self, name: str) -> None:
        """Let a child crash, and everything follow that follows at once."""
        with pytest.raises(CommandCrashed):
            await self.ref(name).ask(Player.die(), timeout=1000)
        await wait_all_tasks_blocked()

    def moves(self, name: str) -> list[State]:
        """Return the states a child has gone through."""
        return [e.after for e in self.events if isinstance(e, StateChanged) and e.instrument == name]

    async def _run(self, *, task_status: trio.TaskStatus[None]) -> None:
        try:
            await self.supervisor.run(task_status=task_status)
        except RestartLimitError as error:
            self.failure = error
        finally:
            self.ended.set()


@asynccontextmanager
async def perform(
    *parts: Part | ChildSpec,
    groups: Mapping[str, Group] | None = None,
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
    max_children: float = math.inf,
) -> AsyncGenerator[Play]:
    """Run a supervisor with children that play these parts, and stop it in the end if it still runs."""
    diary: list[str] = []
    for part in parts:
        if isinstance(part, Part):
            part.diary = diary
    events: list[Event] = []
    supervisor = Supervisor(
        [part.spec() if isinstance(part, Part) else part for part in parts],
        events.append,
        Random(1),  # noqa: S311 - repeatable, not secret
        groups=groups or {},
        auto_shutdown=auto_shutdown,
        max_children=max_children,
    )
    play = Play(supervisor, diary, events)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            await nursery.start(play._run)
            yield play
            nursery.cancel_scope.cancel()
