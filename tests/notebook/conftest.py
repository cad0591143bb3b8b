"""What the tests of benches in notebooks share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labtroupe import notebook

from ._bench import Place, bench_on_a_port


@pytest.fixture
def place(own_directories: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A folder with a bench, in which the test is; for its file to be found, and its class."""
    with bench_on_a_port(own_directories) as found:
        monkeypatch.setattr(sys, "path", [str(own_directories), *sys.path])
        monkeypatch.chdir(own_directories)
        yield found
        notebook.stop()
        sys.modules.pop("teller", None)
