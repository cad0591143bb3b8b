from __future__ import annotations

import math
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.messages import (
    MOST_OWED,
    Missed,
    Reading,
    Schedule,
    command,
    commands_of,
    every,
    reading,
)


@attrs.define(eq=False)
class Bath:
    """Looks after itself; slotted, as every actor is."""

    @every(1.5)
    @command(timeout=1.0)
    async def stir(self) -> None:
        """Stir."""

    @every(60, missed=Missed.CATCH_UP)
    @reading
    async def level(self) -> float:
        """Level."""
        return 0.5

    @command
    async def drain(self) -> None:
        """Drain."""


async def needy(_: object, channel: int) -> None:
    """Require an argument."""


# --- declaring it ---


def test_a_command_knows_its_schedule() -> None:
    assert {name: each.schedule for name, each in commands_of(Bath).items()} == {
        "stir": Schedule(1.5, Missed.SKIP),
        "level": Schedule(60, Missed.CATCH_UP),
        "drain": None,
    }
    assert Bath.stir.timeout == 1.0


def test_the_word_for_missed_ticks_are_those_that_users_see() -> None:
    assert [str(each) for each in Missed] == ["skip", "catch up", "fail"]


@pytest.mark.parametrize("seconds", [0, -1.0, math.inf, math.nan])
def test_a_period_that_makes_no_sense_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^a period must be above 0 s and finite, not "):
        every(seconds)


def test_periodic_work_that_requires_an_argument_is_refused() -> None:
    """Nobody is there to give it."""
    with pytest.raises(
        TypeError, match=r"^periodic work requires no argument, and needy requires 'channel'$"
    ):
        every(1.0)(command(needy))


def test_in_the_wrong_order_the_decorators_say_so() -> None:
    """It would be no periodic work, and nobody would notice."""
    with pytest.raises(TypeError, match=r"^@every stands above @command or @reading, and <function needy"):
        every(1.0)(cast("Any", needy))
    with pytest.raises(TypeError, match=r"^@every stands above"):
        every(1.0)(cast("Any", Reading[float]()))


# --- which ticks are done ---


@pytest.mark.parametrize(
    ("tick", "elapsed", "overdue"),
    [(0, 0.0, 0), (0, 1.4, 0), (0, 1.5, 1), (2, 3.0, 0), (2, 9.1, 4), (3, 0.0, 0)],
)
def test_a_tick_is_overdue_when_its_time_has_come(tick: int, elapsed: float, overdue: int) -> None:
    assert Schedule(1.5).overdue(tick, elapsed) == overdue


@pytest.mark.parametrize("missed", [Missed.SKIP, Missed.FAIL])
def test_what_is_overdue_is_left_out(missed: Missed) -> None:
    assert Schedule(1.5, missed).left_out(7) == 7


@given(overdue=st.integers(0, 1000))
def test_to_catch_up_leaves_out_what_is_beyond_the_bound(overdue: int) -> None:
    """With the one that is done now, at most so many are done."""
    done = overdue + 1 - Schedule(1.5, Missed.CATCH_UP).left_out(overdue)
    assert done == min(overdue + 1, MOST_OWED)
