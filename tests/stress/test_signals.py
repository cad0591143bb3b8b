"""Busy benches in processes of their own, ended by a signal at any moment."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import attrs
import pytest

from labtroupe.client import Client
from labtroupe.errors import BenchError, LabtroupeError

from ..cli._benches import HEATER_AND_SUPPLY, Place, Program  # noqa: TID252 - tests have no name to import them by
from ._scale import SEED, scaled

pytestmark = pytest.mark.slow

BENCH: Final = f"""{HEATER_AND_SUPPLY}
[instruments.slow]
kind = "busy_kinds:Shaky"
address = "sim:linkam-t95?via=tcp"
"""

KINDS: Final = '''
"""A kind that takes its time, and whose lives are short."""
import attrs, trio
from labtroupe import command
from labtroupe.actor import mark_acted
from labtroupe.errors import LinkLost
from labtroupe.kinds import LinkamT95

@attrs.define(eq=False)
class Shaky(LinkamT95):
    """Waits, and breaks."""
    @command(timeout=60.0)
    async def wait(self) -> None:
        """Wait for long."""
        mark_acted()
        await trio.sleep(30)

    @command
    async def lose(self) -> None:
        """Lose the link."""
        raise LinkLost("lost")
'''

CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 0}

# Seconds until a bench that has been told to stop is gone.  Each of its two levels may take
# 2 s to clean up, and as long as that again for its sockets; this machine may be busy.
END: Final = 15.0

# Seconds that a command over the control socket may take.
TIMEOUT: Final = 1.0


@attrs.define(eq=False)
class Caller:
    """Asks the bench for one thing after the other until it has gone.

    Attributes:
        answers: How many the bench has given.
        unanswered: What is wrong with those, or with the others.
    """

    client: Client
    chance: Random
    answers: int = 0
    unanswered: list[str] = attrs.field(factory=list[str])

    def call_until(self, over: threading.Event) -> None:
        """Ask until the bench is over."""
        while not over.is_set():
            act = self.chance.choice(self._acts())
            began = time.monotonic()
            self.answers += 1
            try:
                act()
            except BenchError as error:
                # Before it listens, and when it has gone: then nothing was asked.
                if error.outcome is None and "no bench answers" not in str(error):
                    self._note(f"{error!r} has no outcome", began)
                self.answers -= 1
                time.sleep(0.01)
            except LabtroupeError as error:
                if error.outcome is None:
                    self._note(f"{error!r} has no outcome", began)
            if time.monotonic() - began > END:
                self._note("it had to wait too long", began)

    def _note(self, text: str, began: float) -> None:
        self.unanswered.append(f"{text}, after {time.monotonic() - began:.2f} s")

    def _acts(self) -> list[Callable[[], object]]:
        client, name = self.client, self.chance.choice(["heater", "psu", "slow"])
        return [
            lambda: client.call("heater", "temperature", timeout=TIMEOUT),
            lambda: client.call("psu", "identity", timeout=TIMEOUT),
            lambda: client.call("slow", "temperature", timeout=TIMEOUT),
            lambda: client.call("slow", "wait", timeout=self.chance.choice([0.05, TIMEOUT])),
            lambda: client.call("slow", "lose", timeout=TIMEOUT),
            lambda: self._inject(name),
        ]

    def _inject(self, name: str) -> None:
        fault, *args = self.chance.choice(
            [("unplug", "0.1"), ("mute", "0.2"), ("late", "0.1", "0.3"), ("clear",)]
        )
        with suppress(BenchError):  # To inject a fault has no outcome.
            self.client.inject(name, fault, args)


@attrs.frozen
class Ended:
    """How a run ended.

    Attributes:
        seed: What it was made from.
        code: What it exited with.
        seconds: How long it took, from the signal.
        wrong: What is wrong with it.
    """

    seed: int
    code: int
    seconds: float
    answers: int
    wrong: tuple[str, ...]


def run_and_end(number: signal.Signals, seed: int) -> Ended:
    """Run a bench under load, and end it at a moment of the seed's choice."""
    chance = Random(seed)  # noqa: S311 - repeatable, not secret
    with tempfile.TemporaryDirectory(prefix="lt-") as folder:
        files, ports = Path(folder) / "files", Path(folder) / "tmp"
        files.mkdir()
        ports.mkdir()
        (files / "busy_kinds.py").write_text(KINDS)
        place = Busy(Path(folder), files, ports)
        with place.running(f"b{seed}", BENCH) as program:
            client = Client(place.runtime / "labtroupe" / f"b{seed}.sock")
            callers = [Caller(client, Random(chance.random())) for _ in range(4)]  # noqa: S311 - the same
            over = threading.Event()
            with ThreadPoolExecutor(len(callers)) as threads:
                asking = [threads.submit(caller.call_until, over) for caller in callers]
                try:
                    time.sleep(chance.uniform(0.0, 1.0))
                    code, seconds = end(program, number)
                finally:
                    over.set()
                for each in asking:
                    each.result(END)
            wrong = [text for caller in callers for text in caller.unanswered]
            wrong += judge(program, code, seconds, number)
        wrong += [f"{path} is left" for path in (*ports.rglob("*"), *place.runtime.rglob("*.sock"))]
        answers = sum(caller.answers for caller in callers)
    return Ended(seed, code, seconds, answers, tuple(wrong))


@attrs.frozen
class Busy(Place):
    """A place whose simulated ports are where one can see whether they are left."""

    ports: Path

    def environment(self) -> dict[str, str]:
        """Return the environment for a process of this user."""
        return {**super().environment(), "TMPDIR": str(self.ports)}


def end(program: Program, number: signal.Signals) -> tuple[int, float]:
    """Send the signal, and return the exit code, and how long it took."""
    began = time.monotonic()
    program.process.send_signal(number)
    return program.wait_end(), time.monotonic() - began


def judge(program: Program, code: int, seconds: float, number: signal.Signals) -> Iterator[str]:
    """Yield what is wrong with the end of a program."""
    if code != CODES[number]:
        yield f"exit code {code} after {number.name}, in its output: {program.seen[-500:]}"
    if seconds > END:
        yield f"it took {seconds:.1f} s"
    if errors := program.errors():
        yield f"on standard error: {errors[-2000:]}"
    # It greets before it opens the first port.
    if not any(end in program.seen for end in ("all ports closed", "stopped before it had started")):
        yield f"its last lines: {program.seen[-300:]}"
    try:
        os.kill(program.process.pid, 0)
    except ProcessLookupError:
        pass
    else:
        yield "the process is still there"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", CODES)
def test_a_busy_bench_ends_in_order_whenever_the_signal_comes(number: signal.Signals) -> None:
    """S2, P17, P19: in time, with its exit code, all ports closed, and an answer to all who wait for one."""
    first = 1000 * SEED + (500 if number is signal.SIGINT else 0)
    with ThreadPoolExecutor(os.cpu_count()) as runs:
        ended = list(runs.map(partial(run_and_end, number), range(first, first + scaled(8))))

    assert [each for each in ended if each.wrong] == []
    # Otherwise it proves nothing.
    assert sum(each.answers for each in ended) > 10 * len(ended)
