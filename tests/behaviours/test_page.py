from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/reference/behaviours.md"
WORDS = {"kept", "other form", "differs", "left out"}


@attrs.frozen
class Row:
    """One row of the page: behaviours of others, and ours."""

    section: str
    theirs: tuple[str, ...]
    ours: str
    tests: tuple[str, ...]
    why: str


def rows() -> Iterator[Row]:
    """Iterate over the rows of all tables of behaviours."""
    title = section = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            title = section = line
        elif line.startswith("### "):
            section = f"{title} {line}"
        elif line.startswith("| ") and not line.startswith(("| --- ", "| Theirs ")) and title:
            theirs, ours, tests, why = (cell.strip() for cell in line.strip("|").split("|"))
            yield Row(
                section, tuple(re.split(r"[,;] ", theirs)), ours, tuple(re.findall(r"`(\w+)`", tests)), why
            )


def written() -> list[str]:
    """Return the names of the tests in this folder, save those of the page itself."""
    files = (path for path in HERE.glob("test_*.py") if path != Path(__file__))
    return [
        name
        for path in files
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    ]


def test_every_test_that_the_page_names_exists() -> None:
    named = {test for row in rows() for test in row.tests}

    assert named - set(written()) == set()


def test_every_test_of_this_folder_is_on_the_page() -> None:
    named = {test for row in rows() for test in row.tests}

    assert set(written()) - named == set()


def test_no_two_tests_of_this_folder_have_one_name() -> None:
    assert [name for name, times in Counter(written()).items() if times > 1] == []


def test_every_behaviour_is_listed_once() -> None:
    times = Counter((row.section, each) for row in rows() for each in row.theirs)

    assert len(times) > 250
    assert [each for each, count in times.items() if count > 1] == []


def test_a_row_says_what_we_do_and_shows_it_or_says_why_not() -> None:
    found = list(rows())

    assert {row.ours for row in found} == WORDS
    assert [row.theirs for row in found if (row.ours == "left out") == bool(row.tests)] == []
    assert [row.theirs for row in found if row.ours in {"left out", "differs"} and not row.why] == []
