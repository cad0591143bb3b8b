"""Which processes have a device open, as far as we may see."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

_SHOWN = 80
"""Characters of a command line that are shown."""


def holders_of(path: str) -> Sequence[str]:
    """Return who has the device at ``path`` open, each as ``pid 4242 (python old_script.py)``.

    Looks through ``/proc`` by device number, since a device may have several names.  Takes tens of
    milliseconds: call it in a thread.  Processes of other users are seen by root only.
    """
    try:
        device = Path(path).stat().st_rdev
        processes = sorted(int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal())
    except OSError:
        return []
    return [f"pid {pid} ({_command(pid)})" for pid in processes if _has_open(pid, device)]


def _has_open(pid: int, device: int) -> bool:
    # It may have ended meanwhile, or be somebody else's.
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        return any(_is_device(entry, device) for entry in entries)
    return False


def _is_device(entry: os.DirEntry[str], device: int) -> bool:
    # It may have been closed meanwhile.
    with contextlib.suppress(FileNotFoundError):
        status = entry.stat()
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == device
    return False


def _command(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "ended meanwhile"
    # One line, although an argument may have several.
    words = " ".join(line.replace(b"\0", b" ").decode(errors="replace").split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
