r"""Tapes: what went over the wire of one instrument, as lines of JSON that a person can read.

The first line says whose tape it is; each of the others has some bytes::

    {"tape": 1, "instrument": "heater", "kind": "linkam-t95", "address": "serial:/dev/ttyUSB0", ...}
    {"at": 0.531207, "sent": "T\r"}
    {"at": 0.543961, "received": "\u0001\u0080\u0080\u0080\u0080\u008000ef\r"}

A character is a byte, by its number, so the text is readable where the bytes are text, and exact
in any case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from labtroupe.errors import ConfigError

VERSION: Final = 1
"""The one that is written, and read."""

T = TypeVar("T")


class _Version(msgspec.Struct, frozen=True):
    """What each version of a tape says first."""

    tape: int


class TapeHeader(msgspec.Struct, frozen=True):
    """What a tape says of itself.

    Attributes:
        tape: The version of its form.
        instrument: Whose it is.
        kind: The kind of that instrument.
        address: Where its device was.
        time: When it begins, in UTC, such as ``2026-11-21T20:58:25.125+00:00``.
        program: What has written it.
    """

    tape: int
    instrument: str
    kind: str
    address: str
    time: str
    program: str


class TapeFrame(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Some bytes that went over the wire together.

    Attributes:
        at: Seconds from the beginning of the tape.
        sent: To the device, a character for a byte.
        received: From the device, if none were sent.
    """

    at: float
    sent: str = ""
    received: str = ""

    @property
    def data(self) -> bytes:
        """The bytes."""
        return (self.sent or self.received).encode("latin-1")


class TapeFile(msgspec.Struct, frozen=True):
    """A tape that was read.

    Attributes:
        header: What it says of itself.
        frames: What is on it, each with the number of its line.
    """

    header: TapeHeader
    frames: Sequence[tuple[int, TapeFrame]]


def tape_line(part: TapeHeader | TapeFrame) -> str:
    """Return a line of a tape, with its end."""
    # Not by msgspec, which leaves what is beyond ASCII as it is, to be misread by the next editor.
    return json.dumps(msgspec.to_builtins(part)) + "\n"


def read_tape(path: Path) -> TapeFile:
    """Read a tape.

    Raises:
        ConfigError: There is none, or a line of it is not one of a tape; says which.
    """
    try:
        # Not `splitlines`: a byte such as 0x85 may stand there as it is, and is no end of a line.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the tape {path}: {error}", remedy="`labtroupe record NAME -o FILE` makes one."
        ) from error
    # First, as another version may have other fields.
    version = _parse(path, 1, lines[0], _Version).tape
    if version != VERSION:
        raise ConfigError(
            f"{path} is a tape of version {version}, and {VERSION} is known here",
            remedy="Use the labtroupe that has made it, or record it again.",
        )
    header = _parse(path, 1, lines[0], TapeHeader)
    return TapeFile(header, list(_frames(path, lines)))


def _frames(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, TapeFrame]]:
    """Yield the frames, each with the number of its line."""
    before = 0.0
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            frame = _frame(path, number, line)
            if frame.at < before:
                raise _wrong(path, number, f"it is at {frame.at:g} s, and what is above it at {before:g} s")
            before = frame.at
            yield number, frame


def _frame(path: Path, number: int, line: str) -> TapeFrame:
    frame = _parse(path, number, line, TapeFrame)
    if bool(frame.sent) == bool(frame.received):
        raise _wrong(path, number, "it needs either `sent` or `received`")
    try:
        frame.data  # noqa: B018 - to see whether it can be had
    except UnicodeEncodeError as error:
        raise _wrong(path, number, f"a character is no byte: {error}") from error
    return frame


def _parse(path: Path, number: int, line: str, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(line, type=wanted)
    except msgspec.MsgspecError as error:
        raise _wrong(path, number, str(error)) from error


def _wrong(path: Path, number: int, reason: str) -> ConfigError:
    return ConfigError(
        f"{path}:{number}: {reason}", remedy="Correct this line of the tape, or record it again."
    )
