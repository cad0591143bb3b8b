"""The benchmarks work; how fast anything is, no test asks."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from _pytest.mark import ParameterSet

from ._harness import OURS, AsFast, AtMost, Contender, Figures, Goal, Missing, Row, Share, Unit, measure
from ._page import MEASURED, PAGE, with_report
from ._report import Circumstances, Report, lines_of, write_json
from ._rows import ROWS

# They start processes, many threads, or wait for deadlines.
SLOW = {"expiry", "ports", "ports-p99", "import", "help", "status", "memory"}
SECONDS = Unit("s", 1)

# Says that each ask takes a thousand instructions; the real one takes a minute.
VALGRIND = """#!/bin/sh
shift 2
echo "$*" | sed -n "s/.*, \\([0-9]*\\)).*/Collected : \\1000/p" >&2
exec "$@"
"""


def slow_or_not(name: str) -> ParameterSet:
    return pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())


@pytest.mark.slow
@pytest.mark.parametrize("name", [slow_or_not(name) for name in ROWS if name != "instructions"])
def test_a_row_can_be_measured(name: str) -> None:
    result = measure(ROWS[name], rounds=1, tiny=True)

    assert [each for each in result.skipped if each.contender == OURS] == []
    assert all(each.median > 0 for each in result.figures)
    assert "\n".join(lines_of(result))


@pytest.mark.slow
def test_instructions_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of many asks less those of some, so that the start of Python is none of them."""
    valgrind = tmp_path / "valgrind"
    valgrind.write_text(VALGRIND)
    valgrind.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    result = measure(ROWS["instructions"], rounds=1, tiny=True)

    assert {each.median for each in result.figures} == {1.0}


def row(*contenders: Contender, goals: tuple[Goal, ...] = ()) -> Row:
    return Row(
        name="some", title="some work", unit=SECONDS, size=10, tiny=1, contenders=contenders, goals=goals
    )


def test_contenders_take_turns() -> None:
    """What slows the machine for a while slows all of them; the first round, a small one, warms up."""
    turns: list[tuple[str, int]] = []

    def contender(name: str) -> Contender:
        def work(count: int) -> float:
            turns.append((name, count))
            return 1.0

        return Contender(name, work)

    measure(row(contender(OURS), contender("other")), rounds=2)

    assert turns == [(OURS, 1), ("other", 1), (OURS, 10), ("other", 10), (OURS, 10), ("other", 10)]


def test_what_is_missing_is_skipped_with_the_reason() -> None:
    def work(_: int) -> float:
        raise Missing("there is no other")

    some = row(Contender(OURS, lambda _: 1.0), Contender("other", work), goals=(AsFast("other", 2),))
    result = measure(some, rounds=2)

    assert [(each.contender, each.reason) for each in result.skipped] == [("other", "there is no other")]
    assert [each.contender for each in result.figures] == [OURS]
    assert result.verdicts == ()


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [
        (AsFast("other", 2), 2, True),
        (AsFast("other", 3), 2, False),
        (Share("other", 0.5), 0.5, True),
        (Share("other", 0.4), 0.5, False),
        (AtMost(3), 3, True),
        (AtMost(2), 3, False),
        (AtMost(-3, beyond="other"), -3, True),
        (AtMost(-4, beyond="other"), -3, False),
    ],
)
def test_a_goal_is_met_or_not(goal: Goal, figure: float, met: bool) -> None:  # noqa: FBT001 - a parameter of the test
    ours, other = Figures.of(OURS, [2, 3, 5]), Figures.of("other", [4, 6, 10])

    verdict = goal.judge(ours, {"other": other}, SECONDS)

    assert verdict is not None
    assert (verdict.figure, verdict.met) == (figure, met)


def test_the_json_has_the_shape_of_the_report(tmp_path: Path) -> None:
    result = measure(row(Contender(OURS, lambda _: 2.0), goals=(AtMost(3),)), rounds=3)
    report = Report(Circumstances.now(pinned_to=1, rounds=3), [result])

    write_json(report, tmp_path / "report.json")

    assert msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report) == report
    written = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    assert written["circumstances"]["rounds"] == 3
    assert written["rows"][0]["figures"][0] == {
        "contender": OURS,
        "median": 2.0,
        "low": 2.0,
        "high": 2.0,
        "samples": [2.0, 2.0, 2.0],
    }
    assert written["rows"][0]["verdicts"] == [{"goal": "at most 3 s", "figure": 2.0, "met": True}]


def test_the_tables_of_the_page_are_those_of_the_last_report() -> None:
    """What people have written around them stays."""
    some = row(Contender(OURS, lambda _: 2.0), Contender("other", lambda _: 6.0), goals=(AsFast("other", 4),))
    report = Report(Circumstances.now(pinned_to=1, rounds=1), [measure(some, rounds=1)])

    page = with_report("Before.\n<!-- measured -->\nold\n<!-- end -->\nAfter.\n", report)

    assert page.startswith("Before.\n<!-- measured -->\n")
    assert page.endswith("\n<!-- end -->\nAfter.\n")
    assert "old" not in page
    assert "| `some` | s | 2 (2 to 2) | other 6 (3.00) |" in page
    assert "| `some` | at least 4 x as fast as other | 3 | **not met** |" in page


def test_the_page_has_a_place_for_the_tables() -> None:
    assert MEASURED.search(PAGE.read_text())
