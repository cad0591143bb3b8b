"""The pytest plugin: fixtures for tests without hardware, and one that holds them to leave nothing behind.

pytest loads it in every project that has labtroupe installed, so it imports
neither trio nor the rest of labtroupe before a fixture is asked for.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from labtroupe.testing._leaks import Holdings, left_since

if TYPE_CHECKING:
    from trio.testing import MockClock

    from labtroupe.testing._double import Double
    from labtroupe.testing._fixtures import FakeBench, MakeDouble

_DOUBLES: Final = pytest.StashKey[list["Double[Any]"]]()
_TOLD: Final = pytest.StashKey[list[int]]()
_SEED: Final = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the seed with which a test has failed."""
    group = parser.getgroup("labtroupe")
    group.addoption("--labtroupe-seed", type=int, metavar="N", help="where all chance in fake benches begins")


@pytest.fixture
def labtroupe_seed(request: pytest.FixtureRequest) -> int:
    """A number for all that is left to chance, another one each time; when the test fails it is shown.

    The same one again: ``pytest --labtroupe-seed N``.
    """
    given: int | None = request.config.getoption("--labtroupe-seed")
    seed = request.node.stash[_SEED] = secrets.randbelow(10**6) if given is None else given
    return seed


@pytest.fixture
def chance(labtroupe_seed: int) -> random.Random:
    """What begins with `labtroupe_seed`: for ``open_bench(..., chance=chance)``, or a `Supervisor`."""
    return random.Random(labtroupe_seed)  # noqa: S311 - to be repeated, not to be secret


@pytest.fixture
def virtual_clock() -> MockClock:
    """A clock for tests in no time: it jumps to the next deadline when nobody has anything to do.

    A test that pytest-trio runs only has to name it; others say ``trio.run(main, clock=virtual_clock)``.
    """
    from trio.testing import MockClock  # noqa: PLC0415 - as the module says

    return MockClock(autojump_threshold=0)


@pytest.fixture
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Directories of the test's own for latches and control sockets, instead of the user's.

    So what was halted in a test is halted in no other, nor on a bench of the same name that runs for real;
    and a test that looks for a running bench does not find the user's.
    """
    monkeypatch.delenv("LABTROUPE_BENCH", raising=False)
    # The path of a socket has a hundred bytes at most, of which those of `tmp_path` would leave few.
    with tempfile.TemporaryDirectory(prefix="lt-") as runtime:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        # Which is searched for the benches of those services, too, that have no directory of their own.
        monkeypatch.setattr("labtroupe.client._sockets._SHARED", Path(runtime))
        yield tmp_path


@pytest.fixture
def make_double(request: pytest.FixtureRequest) -> Iterator[MakeDouble]:
    """A maker of message doubles, `labtroupe.testing.Double`, that are verified when the test has ended.

    What then comes while its fixtures are closed, and is not in the script, is an error too.
    """
    from labtroupe.testing._fixtures import MakeDouble  # noqa: PLC0415 - as the module says

    doubles: list[Double[Any]] = []
    request.node.stash[_DOUBLES] = doubles
    yield MakeDouble(doubles)
    pairs = zip(doubles, request.node.stash.get(_TOLD, []), strict=False)
    late = [each for double, count in pairs for each in double.part.violations[count:]]
    if late:
        pytest.fail("\n".join(late), pytrace=False)


@pytest.fixture
def fake_bench(own_directories: Path, chance: random.Random) -> FakeBench:
    """An opener of benches that touch no real device.

    ::

        async with fake_bench(TOML, {"heater": heater}) as bench:
            ...
    """
    from labtroupe.testing._fixtures import FakeBench  # noqa: PLC0415 - as the module says

    return FakeBench(own_directories, chance)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose doubles are not used as they say; of one that fails anyway it may be the reason."""
    try:
        result = yield
    except (Exception, pytest.fail.Exception) as error:
        if found := _violations(item):
            error.add_note(found)
        raise
    if found := _violations(item):
        pytest.fail(found, pytrace=False)
    return result


def _violations(item: pytest.Item) -> str:
    """Return what the doubles of a test have to say; empty if all was as it should be."""
    found: list[str] = []
    doubles = item.stash.setdefault(_DOUBLES, [])
    for double in doubles:
        try:
            double.verify()
        except AssertionError as violated:
            found.append(str(violated))
    item.stash[_TOLD] = [len(double.part.violations) for double in doubles]
    return "\n".join(found)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with which seed a test has failed."""
    report = yield
    if report.failed and _SEED in item.stash:
        seed = item.stash[_SEED]
        report.sections.append(("labtroupe", f"seed {seed}; again with: pytest --labtroupe-seed {seed}"))
    return report


@pytest.fixture
def leak_check() -> Iterator[None]:
    """Fail the test if it leaves a file descriptor open or a thread at work.

    Descriptors are looked at where there is a ``/proc/self/fd``, so on Linux.
    Of a loop of trio that is left running in a thread, such as a blocking bench, the tasks are named.
    Those of the test itself need no look: ``trio.run`` returns when the last task has ended, the
    system tasks and those of fixtures included.  A task that does not end
    is a test that does not end; bound it with ``trio.fail_after``.
    """
    if "umockdev" in os.environ.get("LD_PRELOAD", ""):
        _load_libusb()
    before = Holdings.now()
    yield
    if left := left_since(before):
        pytest.fail("\n  ".join(["The test left behind:", *left]), pytrace=False)


def _load_libusb() -> None:
    """Let pyusb open now what it keeps open for good: the test that does it first is not to blame."""
    from labtroupe.errors import ConfigError  # noqa: PLC0415 - as the module says
    from labtroupe.transport._libusb import load  # noqa: PLC0415

    with contextlib.suppress(ConfigError):
        load()
