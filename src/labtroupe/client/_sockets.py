"""Where the control sockets of running benches are, the same for who serves and who asks."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from labtroupe.errors import BenchError

_SUFFIX: Final = ".sock"
# Not the one of TMPDIR: all shells of a user must agree on it.
_SHARED: Final = Path("/tmp")  # noqa: S108 - the owner of what is in it is checked
# `struct ucred`: process, user and group.
_CREDENTIALS: Final = struct.Struct("3i")
# Seconds; a Unix socket accepts at once unless its queue of connections is full.
_PATIENCE: Final = 1.0


def make_socket_path(bench: str) -> Path:
    """Return where a bench is to serve its control socket; its directory is made, for this user only.

    Raises:
        BenchError: The directory is somebody else's, or cannot be made.
    """
    directory = _directories()[0]
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(directory):
            raise BenchError(
                f"{directory} belongs to somebody else, who could answer for the bench",
                remedy="Remove it, or set XDG_RUNTIME_DIR to a directory of your own.",
            )
        directory.chmod(0o700)
    except OSError as error:
        raise BenchError(
            f"there is no place for the control socket: {error}",
            remedy="Set XDG_RUNTIME_DIR to a directory of your own.",
        ) from error
    return directory / f"{bench}{_SUFFIX}"


def running_benches() -> Sequence[Path]:
    """Return the control sockets of this user's benches that answer, by name."""
    return sorted((path for path in _sockets() if _answers(path)), key=lambda path: path.stem)


def benches_by_process() -> Mapping[int, str]:
    """Return the names of this user's benches that answer, by the ids of their processes."""
    found = ((_process(path), path.stem) for path in _sockets())
    return {pid: name for pid, name in found if pid is not None}


def find_only_bench() -> Path:
    """Return the control socket of this user's only bench that answers.

    Raises:
        BenchError: There is none, or more than one.
    """
    running = running_benches()
    if not running:
        raise BenchError("no bench is running")
    if len(running) > 1:
        names = ", ".join(path.stem for path in running)
        raise BenchError(
            f"{len(running)} benches are running: {names}", remedy="Name one, or set LABTROUPE_BENCH."
        )
    return running[0]


def find_bench(bench: str) -> Path:
    """Return the control socket of one bench.

    Args:
        bench: Its name, or the path of its socket.

    Raises:
        BenchError: There is none.
    """
    if "/" in bench:
        return Path(bench)
    for path in _sockets():
        if path.stem == bench and _answers(path):
            return path
    running = ", ".join(path.stem for path in running_benches())
    raise BenchError(
        f"no bench named {bench!r} is running" + (f"; running: {running}" if running else ""),
    )


def _directories() -> Sequence[Path]:
    """Return where sockets may be, the place for new ones first.

    Both are searched: a bench that cron or another service started may know of no
    runtime directory, and still is this user's.
    """
    fallback = _SHARED / f"labtroupe-{os.getuid()}"
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    # Not somebody else's, which `su` and `sudo -E` leave in the environment.
    return [runtime / "labtroupe", fallback] if _is_ours(runtime) else [fallback]


def _sockets() -> Iterator[Path]:
    """Yield this user's control sockets, of running benches and left behind ones."""
    for directory in _directories():
        if _is_ours(directory):
            yield from directory.glob(f"*{_SUFFIX}")


def _is_ours(directory: Path) -> bool:
    """Return whether this is a directory, not a link to one, and belongs to this user."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _answers(path: Path) -> bool:
    """Return whether somebody listens there; a socket left behind refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_PATIENCE)
        try:
            sock.connect(str(path))
        except (TimeoutError, BlockingIOError):
            # Its queue of connections is full: it runs, and is busy or hangs.
            return True
        except OSError:
            return False
    return True


def _process(path: Path) -> int | None:
    """Return who listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_PATIENCE)
        try:
            sock.connect(str(path))
            credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return None
    pid, _, _ = _CREDENTIALS.unpack(credentials)
    return int(pid)
