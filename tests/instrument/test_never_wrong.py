"""Not one wrong answer, whatever the device does and whenever its callers give up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import trio
from trio.testing import MockClock

from ._mischief import Mood
from ._play import Plan, Tally, Via, barrier, caller, quiet, tags, undeclared

# ``LABTROUPE_STRESS=20`` asks twenty times as much.
SCALE: Final = float(os.environ.get("LABTROUPE_STRESS", "1"))

# In memory time costs nothing.
SLOW = Mood(pace=0.01, lateness=0.8)
# In real time the device is in this process, which others may keep from its work for a while.
QUICK, QUITE_LATE = Mood(pace=0.001, lateness=0.01), 0.3

plans = pytest.mark.parametrize("plan", [barrier, quiet, tags, undeclared], ids=lambda plan: plan.__name__)
# Quiet waits for a third of a second each time.
quick_plans = pytest.mark.parametrize("plan", [barrier, tags], ids=lambda plan: plan.__name__)
Planner = Callable[[Mood, float], Plan]


async def play(plan: Plan, seed: int, via: Via, directory: Path, count: int) -> Tally:
    """Ask a device so often."""
    async with caller(plan, seed, via, directory) as asking:
        return await asking.ask(count)


def check(tally: Tally, count: int) -> None:
    """See that nothing was wrong, and that there was a chance for it."""
    assert tally.wrong == []
    assert tally.right + tally.given_up + tally.failed + tally.lost == count
    assert tally.right > count / 4
    assert tally.given_up > count / 50
    assert tally.notes > count / 50


@plans
async def test_no_answer_is_wrong_in_memory(plan: Planner, tmp_path: Path, autojump_clock: MockClock) -> None:
    """L1-L6: a few hundred commands."""
    check(await play(plan(SLOW, 1.0), 1, "memory", tmp_path, 300), 300)


@pytest.mark.slow
@quick_plans
@pytest.mark.parametrize("via", ["pty", "tcp"])
async def test_no_answer_is_wrong_over_a_port(plan: Planner, via: Via, tmp_path: Path) -> None:
    """L1-L6: some."""
    with trio.fail_after(50):
        check(await play(plan(QUICK, QUITE_LATE), 2, via, tmp_path, 60), 60)


@pytest.mark.slow
@pytest.mark.timeout(600 * SCALE)
@plans
@pytest.mark.parametrize("seed", range(3))
async def test_no_answer_is_wrong_in_a_long_time(
    plan: Planner, seed: int, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """L1-L6: thousands of commands for each way to get in step."""
    count = int(2500 * SCALE)
    check(await play(plan(SLOW, 1.0), seed, "memory", tmp_path, count), count)


@pytest.mark.slow
@pytest.mark.timeout(600 * SCALE)
@quick_plans
@pytest.mark.parametrize("via", ["pty", "tcp"])
async def test_no_answer_is_wrong_over_a_port_in_a_long_time(plan: Planner, via: Via, tmp_path: Path) -> None:
    """L1-L6: over what devices are at."""
    count = int(500 * SCALE)
    check(await play(plan(QUICK, QUITE_LATE), 3, via, tmp_path, count), count)
