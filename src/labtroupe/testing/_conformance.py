"""The conformance card as a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from labtroupe.conformance import Card, make_subject, run_card
from labtroupe.instrument import Instrument
from labtroupe.messages import Message
from labtroupe.simulation import SimulatedDevice


def check_instrument(
    instrument_type: type[Instrument],
    *,
    settings: Mapping[str, object] | None = None,
    device: str | Callable[[], SimulatedDevice] = "",
    probe: Message[object] | None = None,
    commands: Sequence[Message[object]] | None = None,
) -> Card:
    """Try a driver with all that goes wrong with devices, and fail the test if a promise does not hold.

    For a test that is no coroutine: it runs trio itself, in a thread, on a clock that never waits.

    Args:
        instrument_type: The driver's class.
        settings: The fields that the class is given besides the link.
        device: What stands in for its device: ``package.module:Class``, a ``sim:`` address, or what
            makes one; the class's own ``simulation`` where not given.
        probe: What is asked again and again; what the class declares with `labtroupe.when_idle` where not
            given, or else its first idempotent command that requires no argument.
        commands: All that is tried once; where not given, each command for which values can be made up.

    Returns:
        The card, whose `Card.as_markdown` is a page to be kept beside the driver.

    Raises:
        ConfigError: There is no such device, or nothing that can be asked.
    """
    card = run_card(
        make_subject(instrument_type, settings=settings, device=device, probe=probe, commands=commands)
    )
    if card.failed:
        pytest.fail(card.as_text(), pytrace=False)
    return card
