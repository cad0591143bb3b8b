"""What the tests of the blocking and the notebook face share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labtroupe.client import _sockets

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
def _own_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place for control sockets that no other bench of this user is in."""
    with tempfile.TemporaryDirectory(prefix="lt-") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        monkeypatch.setattr(_sockets, "_SHARED", Path(place) / "shared")
        monkeypatch.delenv("LABTROUPE_BENCH", raising=False)
        yield


@pytest.fixture
def file(tmp_path: Path, _own_sockets: None) -> Path:
    """The file of a bench."""
    path = tmp_path / "bench.toml"
    path.write_text(BENCH)
    return path
