"""What the transport tests share: nothing stays claimed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labtroupe.testing._usb import Bed, is_under_umockdev, usb_bed
from labtroupe.transport import claims

UNDER_UMOCKDEV = is_under_umockdev()

# They need umockdev around the whole process: see test_umockdev.py.
collect_ignore = (
    [] if UNDER_UMOCKDEV else ["test_usb_bench.py", "test_usb_devices.py", "test_usb_never_wrong.py"]
)


@pytest.fixture(autouse=True)
def _nothing_stays_claimed() -> Iterator[None]:
    """PLR-13: whatever a test does, its ports are free afterwards."""
    yield
    assert claims() == {}


@pytest.fixture
def bed() -> Iterator[Bed]:
    """A machine with USB, in a process that is under umockdev."""
    with usb_bed() as bed:
        yield bed
