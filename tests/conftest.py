"""What every test is held to."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(leak_check: None) -> None:
    """P19: no test leaves a file descriptor or a thread."""
