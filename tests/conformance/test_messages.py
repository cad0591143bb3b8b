"""What the card says about a driver that fails: what, where, and what to do."""

from __future__ import annotations

import re
import sys

import attrs

from labtroupe import reading
from labtroupe.conformance import CHECKS, Result, make_subject, run_card
from labtroupe.instrument import Instrument

from . import _drivers as drivers


def try_one(driver: type[Instrument], check: str = "start") -> Result:
    """Return what one check finds."""
    subject = make_subject(driver, device=drivers.Bath)
    return run_card(subject, checks=[each for each in CHECKS if each.name == check]).results[0]


@attrs.define(eq=False)
class Exits(drivers.Good):
    """Ends the program where it does not know what to do."""

    @reading
    async def temperature(self) -> float:
        """End."""
        sys.exit(3)


def test_code_that_holds_up_all_else_is_told_with_its_place() -> None:
    """PLR-18: with the line at which it lets the others go on."""
    result = try_one(drivers.Blocks, "blocking")

    assert re.fullmatch(r"all else had to wait for \d+ ms, before _drivers\.py:\d+ in _read", result.note), (
        result.note
    )


def test_a_driver_that_ends_the_program_is_told_where_and_what_instead() -> None:
    """PLR-18: without the groups of the nurseries through which that comes."""
    result = try_one(Exits)

    assert re.fullmatch(r"SystemExit\(3\) at conformance/test_messages\.py:\d+", result.note)
    assert result.fix.startswith("Never end the program from a driver")
