"""What the transport tests share: nothing stays claimed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labtroupe.transport import claims


@pytest.fixture(autouse=True)
def _nothing_stays_claimed() -> Iterator[None]:
    """PLR-13: whatever a test does, its ports are free afterwards."""
    yield
    assert claims() == {}
