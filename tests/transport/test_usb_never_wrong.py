"""Not one wrong answer over USB either, under umockdev; test_umockdev.py runs this."""

from __future__ import annotations

import os
from functools import partial
from typing import Final

import pytest
import trio

from labtroupe.instrument import DeviceClear, Manners
from labtroupe.testing._usb import Bed

from ..instrument._mischief import Mood, is_note  # noqa: TID252 - the tests are no package of their own
from ..instrument._play import Plan, Tally, barrier, tags  # noqa: TID252
from ._usb_mischief import caller

SCALE: Final = float(os.environ.get("LABTROUPE_STRESS", "1"))

# The device is in this process, which others may keep from its work for a while.
QUICK, QUITE_LATE = Mood(pace=0.001, lateness=0.01), 0.3


def clear(mood: Mood, _: float) -> Plan:
    """Return the plan to get in step by a device clear."""
    return Plan(mood, Manners(resync=(DeviceClear(),), unsolicited=is_note))


# How to get in step, whether bytes go as they are, and how many commands: all devices at once.
DEVICES: Final = [
    *[(barrier, raw, 60) for raw in (True, False)],
    *[(tags, raw, 250) for raw in (True, False)] * 2,
    *[(clear, False, 250)] * 4,
]


@pytest.mark.timeout(60 * SCALE)
async def test_no_answer_is_wrong_over_usb(bed: Bed) -> None:
    """L1-L6: whatever devices do, whenever their callers give up, wherever a transfer is cut."""
    tallies: list[tuple[Tally, int]] = []

    async def play(number: int, plan: Plan, count: int, *, raw: bool) -> None:
        async with caller(bed, plan, number, raw=raw) as asking:
            tallies.append((await asking.ask(count), count))

    with trio.fail_after(50 * SCALE):
        async with trio.open_nursery() as nursery:
            for number, (plan, raw, count) in enumerate(DEVICES, 2):
                start = partial(play, raw=raw)
                nursery.start_soon(start, number, plan(QUICK, QUITE_LATE), int(count * SCALE))

    asked = sum(count for _, count in tallies)
    assert len(tallies) == len(DEVICES)
    for tally, count in tallies:
        assert tally.wrong == []
        assert tally.right + tally.given_up + tally.failed + tally.lost == count
    # There was a chance for it.
    assert sum(tally.right for tally, _ in tallies) > asked / 4
    assert sum(tally.given_up for tally, _ in tallies) > asked / 50
