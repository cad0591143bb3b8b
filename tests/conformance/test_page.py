from __future__ import annotations

import re
from pathlib import Path

from labtroupe.conformance import CHECKS, Verdict

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "conformance.md").read_text()


def test_the_page_has_the_checks_there_are() -> None:
    promises = [(each.name, each.promise) for each in CHECKS]
    rows = re.findall(r"^\| `(.*)` \| (.*) \|$", PAGE, re.MULTILINE)

    assert rows[: len(promises)] == promises
    assert [name for name, _ in rows[len(promises) :]] == list(Verdict)
