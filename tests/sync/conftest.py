"""What the tests of the blocking and the notebook face share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ._kinds import Everything

BENCH = f"""
[bench]
name = "faced"

[instruments.all]
kind = "{Everything.__module__}:Everything"
address = "sim:linkam-t95"

[instruments.psu]
kind = "dc-power-supply"
address = "sim:dc-power-supply"
"""


@pytest.fixture
def file(own_directories: Path) -> Path:
    """The file of a bench."""
    path = own_directories / "bench.toml"
    path.write_text(BENCH)
    return path
