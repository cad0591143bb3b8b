"""Whole trees under random histories; `soak.py` beside this runs as many as one likes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ._check import check
from ._draw import histories
from ._script import History

# One counterexample is enough; to find several and explain them takes minutes.
SETTINGS = settings(
    deadline=None,
    # The same ones each time: to find others is what `soak.py` is for.
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


# Seconds; it passes in a few, but a failure is cut down to its shortest script first.
@pytest.mark.timeout(600)
@settings(SETTINGS, max_examples=150)
@given(histories())
def test_the_rules_are_kept_over_random_histories(history: History) -> None:
    """P1-P12, P16, P17, P19."""
    check(history)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(SETTINGS, max_examples=2000)
@given(histories())
def test_the_rules_are_kept_over_thousands_of_random_histories(history: History) -> None:
    """P1-P12, P16, P17, P19."""
    check(history)
