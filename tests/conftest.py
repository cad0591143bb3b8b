"""What every test is held to."""

from __future__ import annotations

import itertools
import os

import pytest

pytest_plugins = ["pytester"]

# Or each of the many processes that tests start would compile all of the code anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run all of it in two processes, as most of it waits, and a part in this one, to begin at once."""
    return 2 if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


_counter = itertools.count()


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(leak_check: None) -> None:
    """P19: no test leaves a file descriptor or a thread."""


@pytest.fixture(autouse=True)
def _nothing_was_halted_before(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S10: latches survive the process, so each test has a place of its own for them."""
    # Not `own_directories`, which makes its two: most of some thousand tests need neither.
    place = tmp_path_factory.getbasetemp() / "state" / str(next(_counter))
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
