"""Which processes have a device open, as far as we may see."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

_SHOWN = 80
"""Characters of a command line that are shown."""


@attrs.frozen
class Holder:
    """A process that has a device open; as text ``pid 4242 (python old_script.py)``."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.command})"


def holders_of(path: str) -> Sequence[Holder]:
    """Return who has the device at ``path`` open.

    Looks through ``/proc`` by device number, since a device may have several names.  Takes tens of
    milliseconds: call it in a thread.  Processes of other users are seen by root only.
    """
    return holders_of_each([path])[path]


def holders_of_each(paths: Iterable[str]) -> Mapping[str, Sequence[Holder]]:
    """Return who has the devices at some paths open, in one look; see `holders_of`."""
    devices = {path: _number(path) for path in paths}
    wanted = frozenset(devices.values()) - {None}
    holders: dict[int | None, list[Holder]] = {}
    for pid in _processes() if wanted else ():
        for device in sorted(_opened(pid) & wanted):
            holders.setdefault(device, []).append(Holder(pid, _command(pid)))
    return {path: holders.get(device, []) for path, device in devices.items()}


def _number(path: str) -> int | None:
    """Return the number of the device at a path; there may be none."""
    with contextlib.suppress(OSError):
        return Path(path).stat().st_rdev
    return None


def _processes() -> Sequence[int]:
    # Without a /proc there is nothing to see.
    with contextlib.suppress(OSError):
        return sorted(int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal())
    return []


def _opened(pid: int) -> frozenset[int]:
    """Return the numbers of the devices that a process has open."""
    # It may have ended meanwhile, or be somebody else's.
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        return frozenset(device for entry in entries for device in _device(entry))
    return frozenset()


def _device(entry: os.DirEntry[str]) -> Iterator[int]:
    # It may have been closed meanwhile.
    with contextlib.suppress(FileNotFoundError):
        status = entry.stat()
        if stat.S_ISCHR(status.st_mode):
            yield status.st_rdev


def _command(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "ended meanwhile"
    # One line, although an argument may have several.
    words = " ".join(line.replace(b"\0", b" ").decode(errors="replace").split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
