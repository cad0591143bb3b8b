"""What was measured, in the documentation's page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ._harness import Result, ratio
from ._report import Report

PAGE: Final = Path(__file__).parents[2] / "docs/explanation/performance.md"
MEASURED: Final = re.compile(r"(<!-- measured -->\n).*(?=<!-- end -->)", re.DOTALL)
"""The part of the page that is written by a measurement."""


def with_report(page: str, report: Report) -> str:
    """Return the page with the tables of a report in place of those before."""
    tables = "\n".join(_tables(report))
    return MEASURED.sub(lambda found: f"{found.group(1)}{tables}\n", page)


def _tables(report: Report) -> Iterator[str]:
    yield f"{report.circumstances.began[:10]}: {report.circumstances}."
    yield ""
    yield "| Row | Unit | labtroupe | Baselines, and how many times as fast labtroupe is |"
    yield "| --- | --- | --- | --- |"
    for row in report.rows:
        yield from _figures(row)
    yield ""
    yield "| Row | Goal | Measured | |"
    yield "| --- | --- | --- | --- |"
    for row in report.rows:
        for verdict in row.verdicts:
            met = "met" if verdict.met else "**not met**"
            yield f"| `{row.name}` | {verdict.goal} | {verdict.figure:.3g} | {met} |"


def _figures(row: Result) -> Iterator[str]:
    ours = row.ours
    if ours is not None:
        others = ", ".join(
            f"{each.contender} {each.median:.3g} ({ratio(ours, each):.2f})"
            for each in row.figures
            if each is not ours
        )
        spread = f"{ours.median:.3g} ({ours.low:.3g} to {ours.high:.3g})"
        yield f"| `{row.name}` | {row.unit} | {spread} | {others} |"
