"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import attrs
import msgspec

from ._harness import Result, ratio


@attrs.frozen
class Circumstances:
    """Where and how it was measured.

    Attributes:
        pinned_to: The one core that was used; ``None`` if all were.
        load: How many processes ran or wanted to, on average over the minute before.
    """

    began: str
    python: str
    trio: str
    labtroupe: str
    system: str
    cores: int
    pinned_to: int | None
    load: float
    rounds: int

    @classmethod
    def now(cls, *, pinned_to: int | None, rounds: int) -> Circumstances:
        """Return those of a measurement that begins now."""
        return cls(
            began=datetime.now(UTC).isoformat(timespec="seconds"),
            python=platform.python_version(),
            trio=version("trio"),
            labtroupe=version("labtroupe"),
            system=f"{platform.system()} {platform.machine()}",
            cores=os.cpu_count() or 1,
            pinned_to=pinned_to,
            load=os.getloadavg()[0],
            rounds=rounds,
        )

    def __str__(self) -> str:
        """Return it in one line."""
        where = "free to use all" if self.pinned_to is None else f"pinned to core {self.pinned_to}"
        return (
            f"Python {self.python}, trio {self.trio}, labtroupe {self.labtroupe}, {self.system};"
            f" {self.cores} cores, {where}, load {self.load:.2f}; medians of {self.rounds} rounds"
        )


@attrs.frozen
class Report:
    """All that was measured in one go."""

    circumstances: Circumstances
    rows: Sequence[Result]


def lines_of(row: Result) -> Iterator[str]:
    """Yield the table of one row: its contenders, how many times as fast as each ours is, and its goals."""
    yield ""
    yield f"{row.name}: {row.title} ({row.unit})"
    yield f"  {'':44}{'median':>10}{'low':>10}{'high':>10}{'ours is':>10}"
    for each in row.figures:
        times = "" if row.ours is None or each is row.ours else f"{ratio(row.ours, each):.2f} x"
        yield f"  {each.contender:44}{each.median:10.2f}{each.low:10.2f}{each.high:10.2f}{times:>10}"
    for skipped in row.skipped:
        yield f"  {skipped.contender:44}   skipped: {skipped.reason}"
    for verdict in row.verdicts:
        yield f"  goal: {verdict.goal}: {verdict.figure:.2f}, {'met' if verdict.met else 'NOT MET'}"


def write_json(report: Report, file: Path) -> None:
    """Write a report as JSON."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
