"""The latches of a bench, kept where they survive its process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

import attrs
import msgspec
import trio

from labtroupe.actor import Cell, Latch
from labtroupe.control import LatchesNotKept
from labtroupe.errors import BenchError
from labtroupe.messages import Event

Latches = Mapping[str, Latch]
"""Those that are halted, by name."""

# Seconds until a disk that does not answer is not waited for any more.
_PATIENCE: Final = 2.0


def latch_path(bench: str) -> Path:
    """Return the file with the latches of a bench.

    Raises:
        BenchError: There is no place for it.
    """
    try:
        # One that is not absolute is to be ignored, says the XDG Base Directory Specification.
        given = Path(os.environ.get("XDG_STATE_HOME", ""))
        state = given if given.is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise BenchError(
            f"there is no place to remember what is halted: {error}",
            remedy="Set XDG_STATE_HOME to a directory of your own.",
        ) from error
    return state / "labtroupe" / f"{bench}.latches.json"


def read_latches(path: Path) -> Latches:
    """Return what was halted when the last process of the bench ended.

    Raises:
        BenchError: Nobody can say what was, because the file is damaged or cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Latch])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BenchError(
            f"{path} says what is halted, and cannot be read: {error}",
            remedy="See that the bench is safe, then remove the file.",
        ) from error


def _write_latches(path: Path, latches: Latches) -> None:
    """Write the file so that it is the old or the new one, whatever happens; without latches there is none.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if latches:
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(latches)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    else:
        path.unlink(missing_ok=True)
    # The name of a file is part of its directory.
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@attrs.define(eq=False)
class LatchKeeper:
    """Writes the latches of a bench into its file when it is told that they have changed.

    One task writes, and nobody else: so the file never goes back to what was before.
    """

    _path: Path
    _publish: Callable[[Event], None]
    _kept: Latches
    _cells: Sequence[Cell] = attrs.field(default=(), init=False)
    # Those of instruments that the bench has no more: they may come back.
    _others: Latches = attrs.field(factory=dict[str, Latch], init=False)
    _failed: Latches | None = attrs.field(default=None, init=False)
    _failure: str = attrs.field(default="", init=False)
    _due: trio.Event = attrs.field(factory=trio.Event, init=False)
    _tried: trio.Event = attrs.field(factory=trio.Event, init=False)
    # A write that was left behind must not undo the one that came after it.
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _writes: int = attrs.field(default=0, init=False)
    # Not trio's own, which hanging calls of an instrument may have used up.
    _limiter: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(2), init=False)

    @classmethod
    def of(cls, bench: str, publish: Callable[[Event], None]) -> Self:
        """Return the keeper of a bench's latches, with those of its last process.

        Raises:
            BenchError: Nobody can say what they are.
        """
        path = latch_path(bench)
        return cls(path, publish, read_latches(path))

    def look_after(self, cells: Sequence[Cell]) -> None:
        """Keep the latches of these actors, and halt those that were halted in the last process."""
        names = {cell.name for cell in cells}
        self._cells = cells
        self._others = {name: latch for name, latch in self._kept.items() if name not in names}
        for cell in cells:
            if cell.name in self._kept:
                cell.halt(self._kept[cell.name])

    def keep(self) -> None:
        """Have the latches written that there are when the caller first waits; never waits itself."""
        self._due.set()

    async def wait_kept(self) -> str:
        """Wait until the present latches are in the file, and return why they are not; empty if they are.

        That takes no longer than 2 s, whatever the disk does.
        """
        self.keep()
        with trio.move_on_after(_PATIENCE):
            while (latches := self._look()) != self._kept:
                if latches == self._failed:
                    return self._failure
                await self._tried.wait()
            return ""
        return f"{self._path} could not be written within {_PATIENCE:g} s"

    async def run(self) -> None:
        """Write what is to be written, until cancelled."""
        try:
            while True:
                await self._due.wait()
                await self._write()
        finally:
            # Shielded, as we are being cancelled; bounded, as a disk may hang.
            with trio.CancelScope(relative_deadline=_PATIENCE, shield=True):
                if self._due.is_set():
                    await self._write()

    async def _write(self) -> None:
        latches = self._look()
        try:
            if latches != self._kept:
                self._writes += 1
                write = partial(self._write_in_thread, latches, self._writes)
                await trio.to_thread.run_sync(write, abandon_on_cancel=True, limiter=self._limiter)
            self._kept, self._failed = latches, None
        except OSError as error:
            self._failed, self._failure = latches, f"{self._path} could not be written: {error}"
            self._publish(LatchesNotKept(reason=self._failure))
        if latches == self._look():
            self._due = trio.Event()
        self._tried.set()
        self._tried = trio.Event()

    def _look(self) -> Latches:
        return {**self._others, **{cell.name: cell.latch for cell in self._cells if cell.latch is not None}}

    def _write_in_thread(self, latches: Latches, number: int) -> None:
        with self._lock:
            if number == self._writes:
                _write_latches(self._path, latches)
