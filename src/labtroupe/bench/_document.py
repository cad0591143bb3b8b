"""A TOML file as it was read: its content, and on which line everything is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Final

import attrs

from labtroupe.bench._locate import Entry, locate, scan
from labtroupe.bench._mistakes import BenchConfigError, Finding, Mistake, Origin, Place, spell
from labtroupe.bench._named_table import BEGIN

# How tomllib ends its messages; only Python 3.14 has the numbers as attributes.
_POSITION: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
# Its messages for what is written twice begin like this.
_TWICE: Final = ("Cannot ", "Duplicate ")
_HINTS: Final = {
    "Invalid value": "; a string needs quotes around it",
    "Illegal character '\\n'": "; the closing quote is missing",
}


@attrs.frozen
class Document:
    """What a bench is described in: its content, with the line of each place in it."""

    begin: ClassVar[str] = BEGIN["instruments"]
    """How to describe an instrument in it."""

    file: str
    content: Mapping[str, object]
    _lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """Return the line of a place; 0 for what the file does not have."""
        return self._lines.get(place, 0)

    def origin(self, place: Place) -> Origin:
        """Return where a place is written."""
        return Origin(self.file, self.line(place), spell(place))

    def error(self, findings: Iterable[Finding]) -> BenchConfigError:
        """Return the error that says all findings with their lines."""
        return BenchConfigError.of(self.origin(each.place).mistake(each.text) for each in findings)


def read_document(path: Path) -> Document:
    """Read a TOML file.

    Raises:
        BenchConfigError: It cannot be read, or is not TOML.
    """
    text = _read_text(path)
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BenchConfigError.of([_syntax_mistake(str(path), text, str(error))]) from error
    return Document(str(path), content, locate(text))


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise _unreadable(path, "there is no such file") from error
    except IsADirectoryError as error:
        raise _unreadable(path, "this is a directory; name the file in it") from error
    except OSError as error:
        raise _unreadable(path, f"the file cannot be read ({error.strerror})") from error
    try:
        # Some editors put a byte order mark in front, for which TOML has no place.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _unreadable(path, what, line) from error


def _unreadable(path: Path, text: str, line: int = 0) -> BenchConfigError:
    return BenchConfigError.of([Mistake(str(path), line, "", text)])


def _syntax_mistake(file: str, text: str, message: str) -> Mistake:
    """Return what tomllib's message says, in our words where we have better ones."""
    position = _POSITION.search(message)
    what = message[: position.start()] if position else message
    before, where = text.rstrip(), "at the end of the file"
    if position and position[1]:
        line, column = int(position[1]), int(position[2])
        before, where = _before(text, line, column), f"at column {column}"
    if what.startswith(_TWICE) and (twice := _written_twice(file, before)):
        return twice
    what = f"{what[:1].lower()}{what[1:]} {where}{_HINTS.get(what, '')}"
    return Mistake(file, before.count("\n") + 1, "", f"this is not TOML: {what}")


def _before(text: str, line: int, column: int) -> str:
    *whole, last = text.split("\n")[:line]
    return "\n".join([*whole, last[: column - 1]])


def _written_twice(file: str, text: str) -> Mistake | None:
    """Return the mistake if ``text``, which was right up to its end, ends with what is in it already."""
    seen: dict[Place, Entry] = {}
    earlier = latest = None
    for entry in scan(text):
        if entry.explicit:
            earlier, latest = seen.get(entry.place), entry
            if earlier and earlier.explicit:
                break
        # What only leads to something else may be all right: [a] after [a.b].
        if entry.explicit or entry.place not in seen:
            seen[entry.place] = entry
    if earlier is None or latest is None:
        return None
    what = f"this is on line {earlier.line} already; remove one of the two, or give it another name"
    return Mistake(file, latest.line, spell(latest.place), what)
