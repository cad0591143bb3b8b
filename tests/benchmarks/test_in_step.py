from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from .in_step import PAGE, PART, QUERIES, Flushing, OursWithShapes, Plain, count, table


def test_the_way_that_is_ours_gives_no_wrong_answer_where_others_do() -> None:
    """L3: to the same questions."""

    def ask(way: type[Plain | OursWithShapes]) -> int:
        counted = trio.run(count, way, 1, clock=MockClock(autojump_threshold=0))
        assert counted.right + counted.wrong + counted.none == QUERIES
        return counted.wrong

    assert ask(OursWithShapes) == 0
    assert ask(Flushing) > 0
    assert ask(Plain) > QUERIES / 2


@pytest.mark.slow
def test_the_page_has_what_is_measured() -> None:
    """In virtual time it is the same each time."""
    found = PART.search(PAGE.read_text())

    assert found is not None
    assert found[0].partition("\n")[2] == table()
