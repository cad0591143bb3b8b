from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.policy import Backoff

BACKOFF = Backoff(first=0.5, longest=30.0, jitter=0.1)


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (6, 16.0), (7, 30.0), (8, 30.0), (10_000, 30.0)],
)
def test_the_pause_doubles_up_to_the_longest(attempt: int, seconds: float) -> None:
    """S7: 0.5 s doubling to 30 s; the 10,000th attempt overflows nothing."""
    assert BACKOFF.delay(attempt, chance=0.0) == seconds


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 4.0), (0.5, 3.8), (1.0, 3.6)])
def test_chance_makes_a_pause_shorter_by_its_share_of_the_jitter(chance: float, seconds: float) -> None:
    assert BACKOFF.delay(4, chance) == pytest.approx(seconds)


@given(
    first=st.floats(0, 1e300),
    longest=st.floats(0, 1e300),
    jitter=st.floats(0, 1),
    attempt=st.integers(1, 10**9),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_no_pause_is_longer_than_the_longest_or_below_nothing(
    first: float, longest: float, jitter: float, attempt: int, chance: float
) -> None:
    """S7: the jitter is downward, and the pause bounded."""
    pause = Backoff(first, longest, jitter).delay(attempt, chance)

    assert 0.0 <= pause <= longest


@given(attempt=st.integers(1, 100), chance=st.floats(0, 1, exclude_max=True))
def test_a_later_attempt_never_comes_sooner(attempt: int, chance: float) -> None:
    assert BACKOFF.delay(attempt, chance) <= BACKOFF.delay(attempt + 1, chance)


@pytest.mark.parametrize(
    "make",
    [
        partial(Backoff, first=-1.0),
        partial(Backoff, first=math.nan),
        partial(Backoff, longest=-0.1),
        partial(Backoff, jitter=-0.1),
        partial(Backoff, jitter=1.1),
    ],
)
def test_a_pause_that_makes_no_sense_is_refused(make: Callable[[], Backoff]) -> None:
    with pytest.raises(ValueError, match=r"must be [<>]="):
        make()
