"""docs/reference/errors.md says of each error what its class says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labtroupe import errors
from labtroupe.errors import CommandError, LabtroupeError, LinkError, MissedTick, StartTimeout

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"

# The base of all is never raised itself.
CLASSES = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, LabtroupeError) and each is not LabtroupeError
]


def rows() -> dict[str, list[str]]:
    """Return the cells of each row about an error, by the class in the first one."""
    lines = (line for line in PAGE.read_text().splitlines() if re.match(r"\| `[A-Z]", line))
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {first.strip("`"): rest for first, *rest in cells}


def who_acts(error: type[LabtroupeError]) -> str:
    """Return who must act on an error of this class, in the page's words."""
    if issubclass(error, CommandError):
        return "the caller"
    return "the supervisor" if issubclass(error, LinkError | StartTimeout | MissedTick) else "a person"


def test_each_error_has_a_code_of_its_own() -> None:
    codes = [vars(error).get("code") for error in CLASSES]

    assert None not in codes
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_each_error_says_what_to_do(error: type[LabtroupeError]) -> None:
    assert error.remedy.endswith(".")


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_each_error_has_its_row(error: type[LabtroupeError]) -> None:
    code, outcome, actor, remedy = rows()[error.__name__]

    assert code == f"`{error.code}`"
    assert (f"`{error.outcome}`" in outcome) if error.outcome else (outcome == "none")
    assert actor == who_acts(error)
    assert remedy == error.remedy


def test_the_page_lists_no_error_that_is_gone() -> None:
    assert set(rows()) == {error.__name__ for error in CLASSES}
