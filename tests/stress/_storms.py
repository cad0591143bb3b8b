"""What a storm of crashes is made of, and how it is watched."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Final

import attrs
import trio
import trio.testing

from labtroupe import Actor, ActorRef, State, command
from labtroupe.errors import LabtroupeError, LinkLost
from labtroupe.messages import Message
from labtroupe.policy import Backoff, Policy, RestartLimit

# Seconds between two looks of an observer, and between two crashes.
_LOOKS: Final = 0.02
_CRASHES: Final = 0.005

FOR_EVER: Final = Policy(
    backoff=Backoff(first=0.1, longest=0.5),
    limit=RestartLimit(max_restarts=1_000_000, max_attempts=1_000_000),
)
"""Restarts without limit, soon."""


@attrs.define(eq=False)
class Brittle(Actor):
    """An actor that breaks when it is told to."""

    quarantine_after = 1_000_000

    @command
    async def look(self) -> int:
        """Answer."""
        return 1

    @command
    async def crash(self) -> None:
        """Break; an error of this class is not logged."""
        raise LinkLost("broken")


@attrs.define(eq=False)
class Observer:
    """Asks somebody again and again, and looks at all; notes how long that took, in seconds."""

    ask: Callable[[], Awaitable[object]]
    look: Callable[[], object]
    answers: list[float] = attrs.field(factory=list[float])
    looks: list[float] = attrs.field(factory=list[float])

    async def run(self) -> None:
        """Observe until cancelled."""
        while True:
            began = time.perf_counter()
            await self.ask()
            answered = time.perf_counter()
            self.look()
            self.answers.append(answered - began)
            self.looks.append(time.perf_counter() - answered)
            await trio.sleep(_LOOKS)

    def report(self) -> str:
        """Return what it has seen."""
        return (
            f"{len(self.answers)} answers, median {1000 * statistics.median(self.answers):.1f} ms,"
            f" slowest {1000 * max(self.answers):.1f} ms;"
            f" a look at all took {1000 * max(self.looks):.1f} ms at the most"
        )


async def break_some(
    refs: Sequence[ActorRef[Any]], message: Message[object], seconds: float, chance: Random
) -> int:
    """Break one after the other for a while, and return how many."""
    broken = 0
    with trio.move_on_after(seconds):
        while True:
            with suppress(LabtroupeError):  # It may be down already.
                chance.choice(refs).tell(message)
                broken += 1
            await trio.sleep(_CRASHES)
    return broken


async def break_all(refs: Sequence[ActorRef[Any]], message: Message[object]) -> None:
    """Break all in one moment, and wait until they are back."""
    for ref in refs:
        # An actor that is down waits for the message.
        ref.tell(message, timeout=60.0)
    await trio.testing.wait_all_tasks_blocked()
    await wait_running(refs)


async def wait_running(refs: Sequence[ActorRef[Any]]) -> None:
    """Wait until all are running."""
    for ref in refs:
        await ref.wait_state(State.RUNNING)
