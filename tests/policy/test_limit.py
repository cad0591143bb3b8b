from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.policy import RestartHistory, RestartLimit

# Eighths add up without rounding, so that a model may compare moments.
PAUSES = st.lists(st.integers(0, 40).map(lambda eighths: eighths / 8), max_size=30)


def grants(limit: RestartLimit, *moments: float) -> list[bool]:
    """Return which failures at these moments are followed by a restart."""
    history = RestartHistory()
    return [history.admit(limit, moment, unavailable=False) for moment in moments]


def test_the_restart_beyond_the_limit_is_not_granted() -> None:
    """S5: 3 in 30 s."""
    assert grants(RestartLimit(), 0.0, 1.0, 2.0, 3.0) == [True, True, True, False]


def test_the_window_slides() -> None:
    """S5: what was granted a whole window ago counts no more."""
    limit = RestartLimit(max_restarts=2, max_seconds=10.0, max_attempts=99)

    assert grants(limit, 0.0, 6.0, 9.9, 10.0, 15.9, 16.0) == [True, True, False, True, False, True]


def test_what_was_refused_fills_no_window() -> None:
    limit = RestartLimit(max_restarts=1, max_seconds=10.0, max_attempts=99)

    assert grants(limit, 0.0, 5.0, 9.0, 10.0) == [True, False, False, True]


def test_a_limit_of_none_grants_none() -> None:
    assert grants(RestartLimit(max_restarts=0), 0.0) == [False]
    assert grants(RestartLimit(max_attempts=0), 0.0) == [False]


def test_attempts_in_a_row_are_limited_however_slow_they_are() -> None:
    """S5: an actor that takes an hour to fail never fills a window."""
    hours = [3600.0 * attempt for attempt in range(6)]

    assert grants(RestartLimit(max_attempts=5), *hours) == [True] * 5 + [False]


@pytest.mark.parametrize(("seconds", "streak"), [(29.9, 2), (30.0, 0), (3600.0, 0)])
def test_a_life_that_was_healthy_ends_the_streak(seconds: float, streak: int) -> None:
    """S5, S7: up for ``healthy_after``, and neither attempts nor pauses go on where they were."""
    limit, history = RestartLimit(healthy_after=30.0), RestartHistory()
    for moment in (0.0, 1.0):
        history.admit(limit, moment, unavailable=False)

    history.lived(limit, seconds)

    assert history.streak == history.counted == streak


def test_a_healthy_life_does_not_empty_the_window() -> None:
    """S5: the two limits are apart."""
    limit, history = RestartLimit(max_restarts=1, max_seconds=100.0, healthy_after=5.0), RestartHistory()
    history.admit(limit, 0.0, unavailable=False)
    history.lived(limit, 60.0)

    assert not history.admit(limit, 61.0, unavailable=False)


def test_what_cannot_be_reached_is_always_tried_again_with_a_longer_pause() -> None:
    """S5: to try again what never began is no restart."""
    limit, history = RestartLimit(max_restarts=1, max_attempts=1), RestartHistory()
    tries = [history.admit(limit, float(moment), unavailable=True) for moment in range(100)]

    assert all(tries)
    assert (history.streak, history.counted, list(history.granted)) == (100, 0, [])
    assert history.admit(limit, 100.0, unavailable=False)


@given(pauses=PAUSES, max_restarts=st.integers(0, 4), seconds=st.integers(1, 20))
def test_no_window_has_more_restarts_than_the_limit(
    pauses: list[float], max_restarts: int, seconds: int
) -> None:
    """P8: in every window of ``max_seconds``, wherever it begins; and none is refused without need."""
    limit = RestartLimit(max_restarts=max_restarts, max_seconds=float(seconds), max_attempts=99)
    moments = list(accumulate(pauses))
    granted: list[float] = []

    for moment, grant in zip(moments, grants(limit, *moments), strict=True):
        in_window = [earlier for earlier in granted if moment - earlier < seconds]
        assert grant == (len(in_window) < max_restarts)
        granted += [moment] if grant else []


@given(
    fates=st.lists(st.sampled_from(["failed", "unavailable", "healthy"]), max_size=30), most=st.integers(0, 4)
)
def test_no_more_attempts_in_a_row_than_the_limit(fates: list[str], most: int) -> None:
    """P8: a healthy life in between, and nothing else, begins a new row."""
    limit, history = RestartLimit(max_restarts=99, max_seconds=math.inf, max_attempts=most), RestartHistory()
    in_a_row = 0

    for fate in fates:
        if fate == "healthy":
            history.lived(limit, limit.healthy_after)
            in_a_row = 0
            continue
        in_a_row += fate == "failed"
        granted = history.admit(limit, 0.0, unavailable=fate == "unavailable")
        assert granted == (fate == "unavailable" or in_a_row <= most)


@pytest.mark.parametrize(
    "make",
    [
        partial(RestartLimit, max_restarts=-1),
        partial(RestartLimit, max_attempts=-1),
        partial(RestartLimit, max_seconds=0.0),
        partial(RestartLimit, healthy_after=-1.0),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(make: Callable[[], RestartLimit]) -> None:
    with pytest.raises(ValueError, match="must be >"):
        make()
