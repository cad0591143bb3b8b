"""``python -m tests.benchmarks.in_step``: answers to the wrong question, and what it costs to have none.

In memory and in virtual time, so that every run counts the same; what a way costs is the time that its
commands and its waiting take on the wire.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final, Protocol

import attrs
import trio
from trio.testing import MockClock

from labtroupe.errors import LinkError, LinkLost
from labtroupe.instrument import Barrier, Link, Manners
from labtroupe.transport import Transport

from ..instrument._memory import MemoryTransport  # noqa: TID252 - the tests are no package of their own
from ..instrument._mischief import KINDS, Mischief, Mood, shape_of  # noqa: TID252
from ..instrument._play import Playful  # noqa: TID252

PAGE: Final = Path(__file__).parents[2] / "docs/explanation/in-step.md"
PART: Final = re.compile(r"(<!-- measured -->\n).*?(?=<!-- end of what is measured -->)", re.DOTALL)

QUERIES: Final = 300
SEEDS: Final = range(10)
PATIENCE: Final = 0.1
"""Seconds after which a caller gives up."""
MOOD: Final = Mood(
    pace=0.02, lateness=0.5, late=0.1, silent=0.05, garbled=0, cut=0, doubled=0, noted=0, stray=0.01, split=0
)
"""Of ten answers one takes up to half a second, of twenty one never comes, and before one in a hundred there
is a line that nobody has asked for."""
UNASKED: Final = 0.05
"""In how many of the pauses between two questions there is such a line, too."""
PAUSE: Final = 0.05
"""Seconds between two questions, at most."""

IDENTITY: Final = Barrier(b"ID?", shape_of(b"ID?"), lateness=0.5, budget=2.0)


class Way(Protocol):
    """A way to talk with a device."""

    async def ask(self, request: bytes) -> bytes:
        """Return what it takes for the answer."""
        ...

    async def mend(self) -> None:
        """Do what it does after a question without an answer."""
        ...


@attrs.define(eq=False)
class Plain:
    """Write, and read a line."""

    device: Playful
    transport: Transport = attrs.field(init=False)
    held: bytes = b""

    def __attrs_post_init__(self) -> None:
        """Open."""
        self.transport = MemoryTransport(self.device)

    async def ask(self, request: bytes) -> bytes:
        """Write a line, and read one."""
        await self.transport.send(request + b"\n")
        return await self.read()

    async def read(self) -> bytes:
        """Read a line."""
        while b"\n" not in self.held:
            self.held += await self.transport.receive()
        line, _, self.held = self.held.partition(b"\n")
        return line

    async def mend(self) -> None:
        """Do nothing."""

    def drop(self) -> None:
        """Drop what has come."""
        self.held = b""
        while self.transport.receive_nowait():
            pass


class Reopening(Plain):
    """Open the port again after a question without an answer; what has come until then is dropped."""

    async def mend(self) -> None:
        """Open it again."""
        await self.transport.aclose()
        self.transport = MemoryTransport(self.device)
        self.drop()


class Flushing(Plain):
    """Drop what has come before each question."""

    async def ask(self, request: bytes) -> bytes:
        """Flush, then ask."""
        self.drop()
        return await super().ask(request)


class Draining(Plain):
    """After a question without an answer, drop what comes for 400 ms."""

    async def mend(self) -> None:
        """Drain."""
        await trio.sleep(0.4)
        self.drop()


class WithBarrier(Plain):
    """After a question without an answer, ask for the identity, and drop what comes before that."""

    async def mend(self) -> None:
        """Pass the barrier; again if its answer does not come."""
        while True:
            with trio.move_on_after(IDENTITY.budget):
                line = await self.ask(IDENTITY.query)
                while not IDENTITY.accepts(line):
                    line = await self.read()
                return


@attrs.define(eq=False)
class Ours:
    """A link of labtroupe, whose guard looks before each question."""

    device: Playful
    link: Link = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the link."""

        async def connect() -> Transport:
            await trio.lowlevel.checkpoint()
            return MemoryTransport(self.device)

        self.link = Link("device", connect, Manners(resync=(IDENTITY,)))

    async def ask(self, request: bytes) -> bytes:
        """Exchange."""
        return await self.link.exchange(request)

    async def mend(self) -> None:
        """Get in step; over a new link if it must be."""
        while not self.link.in_step:
            try:
                if self.link._wire is None:
                    await self.link.open()
                await self.link.resync()
            except LinkLost:
                await self.link.aclose()
                self.link = self.link.successor()


class OursWithShapes(Ours):
    """The same, with a shape check."""

    async def ask(self, request: bytes) -> bytes:
        """Exchange what has a certain shape."""
        kind = request if request == IDENTITY.query else request[:1]
        return await self.link.exchange(request, shape_of(kind))


WAYS: Final[dict[str, Callable[[Playful], Way]]] = {
    "nothing": Plain,
    "reopen after a timeout": Reopening,
    "flush before each write": Flushing,
    "drain for 400 ms after a timeout": Draining,
    "barrier": WithBarrier,
    "barrier and guard: a `Link`": Ours,
    "barrier, guard and shape check: a `Link`": OursWithShapes,
}


@attrs.frozen
class Count:
    """What has become of the questions, and how long all of them took, in seconds."""

    right: int
    wrong: int
    none: int
    seconds: float


async def count(make: Callable[[Playful], Way], seed: int) -> Count:
    """Ask a device."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    device = Playful(mischief=Mischief(Random(seed), MOOD))  # noqa: S311
    way = make(device)
    answers: list[bool] = []
    began = trio.current_time()
    await way.mend()
    for number in range(QUERIES):
        answer: bytes | None = None
        kind = random.choice(KINDS)
        try:
            with trio.move_on_after(PATIENCE):
                answer = await way.ask(kind + b"%d" % number)
        except LinkError:
            pass
        if answer is None:
            await way.mend()
        else:
            answers.append(answer == kind.lower() + b"%d" % number)
        await pause(device, random)
    right = sum(answers)
    return Count(right, len(answers) - right, QUERIES - len(answers), trio.current_time() - began)


async def pause(device: Playful, random: Random) -> None:
    """Leave the device alone for a while."""
    seconds = PAUSE * random.random()
    if random.random() < UNASKED:
        device.say([(seconds * random.random(), b"?boot\n")])
    await trio.sleep(seconds)


def measure(make: Callable[[Playful], Way]) -> Count:
    """Return the sum over some devices."""
    counts = [trio.run(count, make, seed, clock=MockClock(autojump_threshold=0)) for seed in SEEDS]
    right, wrong, none = (sum(getattr(each, name) for each in counts) for name in ("right", "wrong", "none"))
    return Count(right, wrong, none, sum(each.seconds for each in counts))


def table() -> str:
    """Return what is measured, as the page shows it."""
    total = QUERIES * len(SEEDS)
    lines = [
        "| Way | Wrong answers | Right | None | Time for each question |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, make in WAYS.items():
        it = measure(make)
        lines.append(f"| {name} | {it.wrong} | {it.right} | {it.none} | {it.seconds / total * 1000:.0f} ms |")
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """Return the page with the table as it is now."""
    return PART.sub(lambda found: found[1] + table(), page)


if __name__ == "__main__":
    if "--page" in sys.argv:
        PAGE.write_text(with_table(PAGE.read_text()))
    sys.stdout.write(table())
