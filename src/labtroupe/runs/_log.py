"""The log of one run, a file of JSON lines: how it is written, and how it is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import write
from pathlib import Path
from typing import Self

import attrs
import msgspec

from labtroupe.errors import RunLogError
from labtroupe.runs._records import Begin, CommandRecord, End, How, Record, Report, decode, encode


@attrs.define(eq=False)
class RunLog:
    """A log that is written; to be used by one thread at a time, and not by that of an event loop.

    Attributes:
        path: Where it is.
        records: How many it was given.
    """

    path: Path
    records: int = attrs.field(default=0, init=False)
    _fd: int
    # What could not be written yet.  It is continued where it was cut, in mid-line too.
    _unwritten: bytearray = attrs.field(factory=bytearray, init=False)

    @classmethod
    def create(cls, path: Path, begin: Begin) -> Self:
        """Make the file, with its first record in it; there is none afterwards if that fails.

        Raises:
            RunLogError: There is something already at this path, or it cannot be written.
        """
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            raise RunLogError(
                f"there is a file {path} already, and the log of a run replaces nothing"
            ) from None
        except OSError as error:
            raise _unwritable(path, error) from error
        log = cls(path, fd)
        try:
            log.append([encode(begin)])
            log.sync()
        except RunLogError:
            log.close()
            path.unlink()
            raise
        return log

    def append(self, lines: Sequence[bytes]) -> None:
        """Write records behind those that are there; they outlive the process from here on.

        Raises:
            RunLogError: Not all could be written; the next call begins with what is missing.
        """
        self.records += len(lines)
        self._unwritten += b"".join(lines)
        try:
            while self._unwritten:
                del self._unwritten[: write(self._fd, self._unwritten)]
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def sync(self) -> None:
        """Have what is written outlive the computer's power, too.

        Raises:
            RunLogError: Nobody can say that it does.
        """
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def finish(self, end: End) -> None:
        """Write the last record, and close the file, whatever comes of that.

        Raises:
            RunLogError: Not all could be written, so that the log has no end.
        """
        try:
            self.append([encode(end)])
            self.sync()
        finally:
            self.close()

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


@attrs.frozen(kw_only=True)
class RecordedRun:
    """What the log of a run says.

    Attributes:
        begin: What ran.
        records: What happened, in order.
        end: How it has ended; ``None`` if the log does not say.
    """

    begin: Begin
    records: Sequence[Report | CommandRecord]
    end: End | None

    @property
    def how(self) -> How:
        """How it has ended; `How.INTERRUPTED` if the log does not say."""
        return How.INTERRUPTED if self.end is None else self.end.how


def read_run(path: str | os.PathLike[str]) -> RecordedRun:
    """Read the log of a run, also of one that was killed or that is still running.

    A last line that was cut short is left out.

    Raises:
        RunLogError: There is none, or it is not the log of a run.
    """
    path = Path(path)
    try:
        # What comes behind the last end of a line is half a record, or nothing.
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise RunLogError(f"the log {path} cannot be read: {error.strerror}") from error
    read = [_read(path, number, line) for number, line in enumerate(lines, 1)]
    if not read or not isinstance(begin := read[0], Begin):
        raise RunLogError(f"{path} is no log of a run: it does not say what ran")
    records = read[1:]
    between = [each for each in records if isinstance(each, Report | CommandRecord)]
    ends = [each for each in records[-1:] if isinstance(each, End)]
    if len(between) + len(ends) < len(records) or any(end.records != len(records) for end in ends):
        raise RunLogError(f"the log {path} was changed: records are missing, or there are some too many")
    return RecordedRun(begin=begin, records=between, end=ends[0] if ends else None)


def _read(path: Path, number: int, line: bytes) -> Record:
    try:
        return decode(line)
    except msgspec.DecodeError as error:
        raise RunLogError(f"line {number} of {path} is no record of a run: {error}") from None


def _unwritable(path: Path, error: OSError) -> RunLogError:
    return RunLogError(f"the log {path} cannot be written: {error.strerror}")
