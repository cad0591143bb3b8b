"""What is wrong in a bench.toml: where, in a sentence, and the one error that says all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

import attrs

from labtroupe.errors import ConfigError
from labtroupe.names import nearest

Place = tuple[str | int, ...]
"""Where something is in a document: keys and array indexes, from the top down."""

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


@attrs.frozen
class Finding:
    """Something wrong at a place, counted from where it was found."""

    place: Place
    text: str

    def under(self, *parents: str | int) -> Finding:
        """Return it as seen from further up."""
        return Finding((*parents, *self.place), self.text)


class Wrong(Exception):
    """A value cannot be used; ``findings`` says why, its parts included."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*findings)
        self.findings = findings

    @classmethod
    def because(cls, text: str) -> Wrong:
        """Return the error for a value that is wrong as a whole."""
        return cls(Finding((), text))


@attrs.frozen
class Origin:
    """Where something is written.

    Attributes:
        file: The file, as it was named.
        line: The line in it, from 1; 0 for the file as a whole.
        key: What is written there, as TOML writes it: ``instruments.heater``.
    """

    file: str = ""
    line: int = 0
    key: str = ""

    def mistake(self, text: str) -> Mistake:
        """Return the mistake of what is written there."""
        return Mistake(self.file, self.line, self.key, text)


@attrs.frozen
class Mistake:
    """One mistake in a file.

    Attributes:
        file: The file, as it was named.
        line: Where it is, from 1; 0 if it is about the file as a whole.
        key: What it is about, as TOML writes it: ``instruments.heater.address``.
        text: What is wrong.
    """

    file: str
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        """Return it as ``file:line: key: text``."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.key, self.text) if part)


class BenchConfigError(ConfigError):
    """A file does not describe a bench.

    Attributes:
        mistakes: Everything that is wrong in it, by line.
    """

    remedy = "Correct the file, then try again; nothing was started."

    def __init__(self, message: str, *, mistakes: tuple[Mistake, ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes

    @classmethod
    def of(cls, mistakes: Iterable[Mistake]) -> BenchConfigError:
        """Return the error that says all ``mistakes``, one in a line."""
        in_order = tuple(sorted(mistakes, key=lambda mistake: mistake.line))
        return cls("\n".join(map(str, in_order)), mistakes=in_order)


def spell(place: Place) -> str:
    """Return a place as TOML writes it, such as ``instruments."my heater".depends_on[1]``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_spell_key(part)}" for part in place)
    return "".join(parts).removeprefix(".")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name most like ``name``, or nothing."""
    near = nearest(name, known)
    return f" (did you mean {near}?)" if near else ""


def _spell_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
