"""The USB devices of this process, for as long as somebody wants some; they need umockdev's library in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

import attrs

from labtroupe.errors import ConfigError
from labtroupe.testing._usb._bed import Bed

_VARIABLE: Final = "UMOCKDEV_DIR"
"""What the library asks at each call for the folder to look into instead; without it, it does nothing."""

_LIBRARY: Final = "libumockdev-preload.so"


@attrs.define(eq=False)
class _Shared:
    """The bed that there is, as a process sees one machine only, and how many use it."""

    users: int = 0
    bed: Bed | None = None
    undo: contextlib.ExitStack = attrs.field(factory=contextlib.ExitStack)


_shared: Final = _Shared()


@contextlib.contextmanager
def usb_bed() -> Generator[Bed]:
    """Let this process see the USB devices of a bed, instead of the machine's, for as long as the body lasts.

    All bodies at the same time share one.

    Raises:
        ConfigError: The process was not started with umockdev's library.
        ExceptionGroup: Devices were sent what none would understand.
    """
    if not is_under_umockdev():
        error = ConfigError(
            "USB devices without hardware need umockdev's library in this process",
            remedy="`sudo apt install umockdev libusb-1.0-0`, or the like; then `umockdev-wrapper pytest`.",
        )
        # Who sees it sees it in the report of a test, which has no place for a remedy.
        error.add_note(error.remedy)
        raise error
    bed = _shared.bed = _shared.bed or _open()
    _shared.users += 1
    try:
        yield bed
    finally:
        _shared.users -= 1
        if not _shared.users:
            _shared.bed = None
            _shared.undo.close()


def is_under_umockdev() -> bool:
    """Return whether umockdev's library is loaded in this process; it cannot be later than at its start."""
    try:
        return _LIBRARY in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        # No Linux.
        return False


def _open() -> Bed:
    with contextlib.ExitStack() as undo:
        folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="labtroupe-usb-"))
        before = os.environ.get(_VARIABLE)
        undo.callback(_set, before)
        bed = Bed(Path(folder))
        undo.callback(bed.close)
        _set(folder)
        _shared.undo = undo.pop_all()
        return bed


def _set(folder: str | None) -> None:
    if folder is None:
        del os.environ[_VARIABLE]
    else:
        os.environ[_VARIABLE] = folder
