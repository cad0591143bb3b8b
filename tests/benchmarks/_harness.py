"""Rows of contenders, measured in interleaved rounds, and held against the goals."""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Protocol

import attrs
import trio

OURS = "labtroupe"
"""What ours is called in every row."""


class Missing(Exception):
    """What has to be measured is not there; the sentence says what, and how to get it."""


@attrs.frozen
class Unit:
    """What the figures of a row are shown in.

    Attributes:
        name: How it is written.
        size: How much of what is measured (seconds, bytes, instructions) it is.
    """

    name: str
    size: float


MICROSECONDS = Unit("us", 1e-6)
MILLISECONDS = Unit("ms", 1e-3)
KILOBYTES = Unit("kB", 1e3)
INSTRUCTIONS = Unit("thousand instructions", 1e3)


@attrs.frozen
class Contender:
    """One way to do the work of a row.

    Attributes:
        name: What it is called in the table.
        measure: Does the work, as often as it is told, and returns what once takes;
            raises `Missing` where it cannot.
    """

    name: str
    measure: Callable[[int], float]

    @classmethod
    def on_trio(cls, name: str, work: Callable[[int], Awaitable[float]]) -> Contender:
        """Return one whose work is a coroutine, in a run of trio of its own."""
        return cls(name, lambda count: trio.run(work, count))

    @classmethod
    def on_asyncio(cls, name: str, work: Callable[[int], Coroutine[None, None, float]]) -> Contender:
        """Return one whose work is a coroutine, in an event loop of its own."""
        return cls(name, lambda count: asyncio.run(work(count)))


@attrs.frozen
class Figures:
    """What one contender took, in the unit of its row: one sample for each round."""

    contender: str
    median: float
    low: float
    high: float
    samples: tuple[float, ...]

    @classmethod
    def of(cls, contender: str, samples: Sequence[float]) -> Figures:
        """Summarise the samples."""
        return cls(contender, statistics.median(samples), min(samples), max(samples), tuple(samples))


@attrs.frozen
class Verdict:
    """Whether a goal is met.

    Attributes:
        goal: The goal, in words.
        figure: What it was held against.
    """

    goal: str
    figure: float
    met: bool


class Goal(Protocol):
    """What ours is held to."""

    def judge(self, ours: Figures, baselines: Mapping[str, Figures], unit: Unit) -> Verdict | None:
        """Return whether it is met; ``None`` if what it is held against was not measured."""
        ...


@attrs.frozen
class AsFast:
    """Ours is so many times as fast as a baseline, at least."""

    baseline: str
    times: float

    def judge(self, ours: Figures, baselines: Mapping[str, Figures], unit: Unit) -> Verdict | None:  # noqa: ARG002 - a ratio has none
        """See `Goal.judge`."""
        if self.baseline not in baselines:
            return None
        figure = ratio(ours, baselines[self.baseline])
        return Verdict(f"at least {self.times:g} x as fast as {self.baseline}", figure, figure >= self.times)


@attrs.frozen
class Share:
    """Ours takes this share of what a baseline takes, at most."""

    baseline: str
    share: float

    def judge(self, ours: Figures, baselines: Mapping[str, Figures], unit: Unit) -> Verdict | None:  # noqa: ARG002 - a ratio has none
        """See `Goal.judge`."""
        if self.baseline not in baselines:
            return None
        figure = 1 / ratio(ours, baselines[self.baseline])
        return Verdict(f"at most {self.share:g} x what {self.baseline} takes", figure, figure <= self.share)


@attrs.frozen
class AtMost:
    """Ours takes this much at most, in the unit of its row; beyond what a baseline takes, if one is named."""

    limit: float
    beyond: str | None = None

    def judge(self, ours: Figures, baselines: Mapping[str, Figures], unit: Unit) -> Verdict | None:
        """See `Goal.judge`."""
        if self.beyond is None:
            return Verdict(f"at most {self.limit:g} {unit.name}", ours.median, ours.median <= self.limit)
        if self.beyond not in baselines:
            return None
        figure = ours.median - baselines[self.beyond].median
        goal = f"at most {self.limit:g} {unit.name} more than {self.beyond}"
        return Verdict(goal, figure, figure <= self.limit)


@attrs.frozen(kw_only=True)
class Row:
    """One piece of work, done in several ways.

    Attributes:
        name: What it is chosen by.
        title: What is done, in words.
        unit: What its figures are shown in.
        size: How often it is done in one measurement.
        tiny: The same where only its working is looked at.
        contenders: The ways, ours among them.
        goals: What ours is held to.
        exact: Its figures are the same in each round, so one is enough.
    """

    name: str
    title: str
    unit: Unit
    size: int
    tiny: int
    contenders: Sequence[Contender]
    goals: Sequence[Goal] = ()
    exact: bool = False


@attrs.frozen
class Skipped:
    """A contender that was not measured, and why."""

    contender: str
    reason: str


@attrs.frozen
class Result:
    """What was measured of one row.

    Attributes:
        figures: Of each contender that was measured.
        verdicts: Of each goal, as far as what it is about was measured.
    """

    name: str
    title: str
    unit: str
    size: int
    figures: tuple[Figures, ...]
    skipped: tuple[Skipped, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def ours(self) -> Figures | None:
        """The figures of ours, if it was measured."""
        return next((each for each in self.figures if each.contender == OURS), None)


def ratio(ours: Figures, baseline: Figures) -> float:
    """Return how many times as fast as a baseline ours is: the median over the rounds, each with its own.

    The two samples of one round were taken one after the other, so a machine
    that is slower for a while is slower for both.
    """
    pairs = zip(ours.samples, baseline.samples, strict=True)
    return statistics.median(theirs / mine for mine, theirs in pairs)


def measure(row: Row, *, rounds: int, tiny: bool = False) -> Result:
    """Measure all contenders of a row, one after the other, as many rounds as told.

    Args:
        row: What to measure.
        rounds: Samples of each contender, where they are not exact.
        tiny: See only whether it works, in one round and with next to no work.
    """
    size = row.tiny if tiny else row.size
    warm_ups, rounds = (0, 1) if tiny or row.exact else (1, rounds)
    samples: dict[str, list[float]] = {each.name: [] for each in row.contenders}
    skipped: dict[str, str] = {}
    # The first round warms up: what is imported, compiled or cached at first use.
    for number in range(-warm_ups, rounds):
        for contender in row.contenders:
            if contender.name in skipped:
                continue
            try:
                sample = _sample(contender, row.tiny if number < 0 else size)
            except Missing as missing:
                skipped[contender.name] = str(missing)
            else:
                samples[contender.name] += [sample / row.unit.size] if number >= 0 else []
    return _result(row, size, samples, skipped)


def _sample(contender: Contender, size: int) -> float:
    # What others have left is neither theirs to collect nor to be walked through
    # by each collection; what a contender itself leaves is.
    gc.collect()
    gc.freeze()
    try:
        return contender.measure(size)
    finally:
        gc.unfreeze()


def _result(row: Row, size: int, samples: Mapping[str, list[float]], skipped: Mapping[str, str]) -> Result:
    figures = {name: Figures.of(name, taken) for name, taken in samples.items() if taken}
    ours = figures.get(OURS)
    verdicts = () if ours is None else (goal.judge(ours, figures, row.unit) for goal in row.goals)
    return Result(
        row.name,
        row.title,
        row.unit.name,
        size,
        tuple(figures.values()),
        tuple(Skipped(name, reason) for name, reason in skipped.items()),
        tuple(verdict for verdict in verdicts if verdict is not None),
    )
