"""Where control sockets are, and whom they belong to."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from labtroupe.client import Client, _sockets, find_bench, make_socket_path, running_benches
from labtroupe.errors import BenchError


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What stands for /tmp, where nobody runs a bench."""
    with tempfile.TemporaryDirectory(prefix="lt-") as folder:
        monkeypatch.setattr(_sockets, "_SHARED", Path(folder))
        yield Path(folder)


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch, shared: Path) -> Path:
    """A runtime directory of this user."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared / "run"))
    (shared / "run").mkdir(mode=0o700)
    return shared / "run"


def listening(path: Path) -> socket.socket:
    """Return a socket that listens there."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    return sock


def test_a_socket_is_in_the_runtime_directory_for_this_user_only(runtime: Path) -> None:
    path = make_socket_path("one")

    assert path == runtime / "labtroupe" / "one.sock"
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_may_open_is_closed_to_them(runtime: Path) -> None:
    (runtime / "labtroupe").mkdir(mode=0o755)
    make_socket_path("one")

    assert (runtime / "labtroupe").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("value", ["", "/nowhere/at/all"])
def test_without_a_runtime_directory_it_is_beside_those_of_others(
    monkeypatch: pytest.MonkeyPatch, shared: Path, value: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", value)

    assert make_socket_path("one") == shared / f"labtroupe-{os.getuid()}" / "one.sock"
    assert (shared / f"labtroupe-{os.getuid()}").stat().st_mode & 0o777 == 0o700


def test_benches_are_found_in_both_places(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    """Cron knows of no runtime directory."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    with closing(listening(make_socket_path("one"))):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))

        assert [path.stem for path in running_benches()] == ["one"]


def test_directories_of_somebody_else_are_neither_used_nor_searched(
    monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    """`su` and `sudo -E` leave a runtime directory in the environment, and anybody may write to /tmp."""
    uid = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: uid)
    (shared / f"labtroupe-{uid}").mkdir()
    with closing(listening(shared / f"labtroupe-{uid}" / "trap.sock")):
        assert list(running_benches()) == []
        with pytest.raises(BenchError, match=rf"labtroupe-{uid} belongs to somebody else"):
            make_socket_path("one")


def test_a_link_is_not_followed(runtime: Path) -> None:
    """Whoever made it chose where it leads."""
    (runtime / "real").mkdir()
    (runtime / "labtroupe").symlink_to(runtime / "real")

    with pytest.raises(BenchError, match="belongs to somebody else"):
        make_socket_path("one")


def test_a_socket_left_behind_is_no_bench() -> None:
    path = make_socket_path("dead")
    listening(path).close()
    assert path.exists()

    assert list(running_benches()) == []
    with pytest.raises(BenchError, match=r"no bench named 'dead' is running$"):
        find_bench("dead")


def test_a_bench_is_found_by_name_by_path_and_among_all() -> None:
    paths = [make_socket_path(name) for name in ("right", "left")]
    with closing(listening(paths[0])), closing(listening(paths[1])):
        assert [path.stem for path in running_benches()] == ["left", "right"]
        assert find_bench("right") == paths[0]
        assert find_bench(str(paths[0])) == paths[0]
        with pytest.raises(BenchError, match="no bench named 'middle' is running; running: left, right"):
            find_bench("middle")


def test_nobody_at_a_path_is_an_error_with_the_path(runtime: Path) -> None:
    with pytest.raises(BenchError, match=f"no bench answers at {runtime}/none.sock: No such file"):
        Client(runtime / "none.sock").status()


def test_a_path_that_is_too_long_is_an_error() -> None:
    with pytest.raises(BenchError, match="AF_UNIX path too long"):
        Client(Path("/tmp/" + "x" * 200)).status()  # noqa: S108 - there is none
