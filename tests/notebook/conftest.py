"""What the tests of benches in notebooks share."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labtroupe import notebook

from ._bench import Place, bench_on_a_port


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A folder with a bench, in which the test is; for its file to be found, and its class."""
    # Not pytest's own: the path of a Unix socket must be short.
    with tempfile.TemporaryDirectory(prefix="lt-") as runtime, bench_on_a_port(tmp_path, runtime) as found:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        monkeypatch.chdir(tmp_path)
        yield found
        notebook.stop()
        sys.modules.pop("teller", None)
