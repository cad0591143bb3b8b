"""What the tests of the command line share: a user's directories, and a bench that runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from labtroupe.cli import main
from labtroupe.client import _sockets

from ._benches import Place, Program


@attrs.frozen
class Result:
    """What became of a command line."""

    code: int
    out: str
    err: str


@attrs.frozen
class Shell:
    """Command lines in this process."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *args: str) -> Result:
        """Carry one out."""
        self.capture.readouterr()
        code = main(args)
        out, err = self.capture.readouterr()
        return Result(code, out, err)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """The directories of a user who runs no bench yet."""
    # Not pytest's own: the path of a Unix socket must be short.
    with tempfile.TemporaryDirectory(prefix="lt-") as folder:
        files = Path(folder) / "files"
        files.mkdir()
        yield Place(Path(folder), files)


@pytest.fixture(scope="module")
def bench(place: Place) -> Iterator[Program]:
    """A bench that runs while the tests of a module do."""
    with place.running("one") as program:
        yield program


@pytest.fixture
def shell(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Command lines of that user."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place.runtime))
    monkeypatch.delenv("LABTROUPE_BENCH", raising=False)
    # Where whoever runs the tests may have a bench of their own.
    monkeypatch.setattr(_sockets, "_SHARED", place.files)
    return Shell(capsys)
