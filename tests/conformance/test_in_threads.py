"""What is right is not called wrong, however it is done."""

from __future__ import annotations

import pytest

from labtroupe.conformance import CHECKS, Verdict, make_subject, run_card
from labtroupe.instrument import Instrument
from labtroupe.simulation import SimulatedDevice

from . import _drivers as drivers
from . import _in_threads as right

RIGHT: list[tuple[type[Instrument], type[SimulatedDevice], tuple[str, ...]]] = [
    (right.WorksInThread, drivers.Bath, ("start", "mute", "stop", "blocking")),
    (right.AsksFromThread, drivers.Bath, ("start", "garbled", "mute", "cancel-in-answer", "unplug", "stop")),
]


@pytest.mark.parametrize(("driver", "device", "names"), RIGHT)
def test_a_driver_that_is_right_is_not_called_wrong(
    driver: type[Instrument], device: type[SimulatedDevice], names: tuple[str, ...]
) -> None:
    """PLR-18."""
    card = run_card(
        make_subject(driver, device=device), checks=[each for each in CHECKS if each.name in names]
    )

    assert [each.verdict for each in card.results] == [Verdict.HOLDS] * len(names), card.as_text()


def test_what_is_wrong_in_a_thread_is_found() -> None:
    """PLR-18."""
    subject = make_subject(right.SwallowsInThread, device=drivers.Bath)
    card = run_card(subject, checks=[each for each in CHECKS if each.name == "garbled"])

    assert [each.verdict for each in card.results] == [Verdict.FAILS]
    assert "all it was told was garbage" in card.results[0].note
