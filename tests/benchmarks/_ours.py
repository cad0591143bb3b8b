"""Ours: actors under a supervisor, with all rules on."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

import attrs
import trio

from labtroupe import Actor, ActorRef, ChildSpec, LinkError, Range, State, Supervisor, command
from labtroupe.actor import DEFAULT_CAPACITY
from labtroupe.policy import Backoff, Policy, RestartLimit

RESTARTED_AT_ONCE = Policy(
    backoff=Backoff(first=0, jitter=0),
    limit=RestartLimit(max_restarts=1_000_000, max_attempts=1_000_000),
)
"""How actors are treated here: no pause and no limit would be measured otherwise."""


@attrs.define(eq=False)
class Counter(Actor):
    """An actor that has next to nothing to do."""

    # It crashes on purpose, again and again.
    quarantine_after: ClassVar[float] = math.inf

    count: int = 0

    @command
    async def look(self) -> int:
        """Return a number."""
        return self.count

    @command
    async def add(self, amount: Annotated[int, Range(0, 10)]) -> int:
        """Add to the number, and return it."""
        self.count += amount
        return self.count

    @command
    async def hold(self) -> None:
        """Never end."""
        await trio.sleep_forever()

    @command
    async def crash(self) -> None:
        """End this life."""
        raise LinkError("pulled")


def counter(name: str, *, mailbox: int = DEFAULT_CAPACITY) -> ChildSpec:
    """Return the spec of a `Counter`."""
    return ChildSpec(
        name=name, factory=Counter, actor_type=Counter, policy=RESTARTED_AT_ONCE, mailbox=mailbox
    )


@asynccontextmanager
async def running(supervisor: Supervisor) -> AsyncGenerator[None]:
    """Run a supervisor; the body begins when all its children are up."""
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        for member in supervisor:
            await supervisor.wait_state(member.spec.name, State.RUNNING)
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def counters(
    count: int = 1, *, mailbox: int = DEFAULT_CAPACITY
) -> AsyncGenerator[Sequence[ActorRef[Counter]]]:
    """Run so many counters."""
    supervisor = Supervisor([counter(f"counter-{number}", mailbox=mailbox) for number in range(count)])
    async with running(supervisor):
        yield [supervisor.ref(member.spec.name, Counter) for member in supervisor]
