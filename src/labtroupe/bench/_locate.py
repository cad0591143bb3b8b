"""On which line of a TOML text each key is written, which tomllib does not tell.

The text is valid TOML, or the beginning of one; what is wrong with it is tomllib's to say.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from labtroupe.bench._mistakes import Place

_TOKEN: Final = re.compile(
    r'''
    (?P<skip> [ \t\r]+ | \#[^\n]* )
  | (?P<bare> [A-Za-z0-9_-]+ )
    # Up to two quotes may stand right before the three that end a string of many lines.
  | (?P<string> """ (?: \\. | [^\\] )*? "{3,5} | \'\'\' .*? '{3,5} | " (?: \\. | [^"\\\n] )* " | ' [^'\n]* ' )
  | (?P<mark> . )
    ''',
    re.VERBOSE | re.DOTALL,
)
_AFTER_A_VALUE: Final = frozenset({",", "]", "}", "\n"})


@attrs.frozen
class Entry:
    """One writing of a key, or of an element of an array.

    Attributes:
        explicit: Whether it is given its value or its table here; otherwise it only
            leads to what is, as ``a`` does in ``[a.b]``.
    """

    place: Place
    line: int
    explicit: bool


def locate(text: str) -> Mapping[Place, int]:
    """Return the line, from 1, on which each place in the document is written."""
    lines: dict[Place, int] = {}
    for entry in scan(text):
        if entry.explicit or entry.place not in lines:
            lines[entry.place] = entry.line
    return lines


def scan(text: str) -> Sequence[Entry]:
    """Return all places as they are written, from the first line to the last."""
    scanner = _Scanner(list(_tokens(text)))
    scanner.document()
    return scanner.entries


@attrs.frozen
class _Token:
    kind: str | None
    text: str
    line: int

    @property
    def is_key(self) -> bool:
        return self.kind in {"bare", "string"}

    @property
    def key(self) -> str:
        # Unescaped by tomllib: it knows how.
        return self.text if self.kind == "bare" else str(tomllib.loads(f"key = {self.text}")["key"])


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            yield _Token(match.lastgroup, match[0], line)
        line += match[0].count("\n")


@attrs.define(eq=False)
class _Scanner:
    """Walks over the tokens; each method takes those of what it is named after."""

    tokens: Sequence[_Token]
    entries: list[Entry] = attrs.field(factory=list[Entry], init=False)
    _next: int = attrs.field(default=0, init=False)
    # How many [[tables]] each array of tables has so far.
    _sizes: Counter[Place] = attrs.field(factory=Counter[Place], init=False)

    def document(self) -> None:
        table: Place = ()
        while self._more():
            if self._skip("["):
                table = self._header()
            elif not self._skip("\n"):
                self._pair(table)

    def _header(self) -> Place:
        in_array = self._skip("[")
        place: Place = ()
        keys = self._keys()
        for number, token in enumerate(keys, start=1):
            place = (*self._newest(place), token.key)
            self._note(place, token.line, explicit=number == len(keys) and not in_array)
        if in_array and keys:
            self._sizes[place] += 1
            place = self._newest(place)
            self._note(place, keys[-1].line, explicit=True)
        while self._skip("]"):
            pass
        return self._newest(place)

    def _pair(self, place: Place) -> None:
        keys = self._keys()
        for number, token in enumerate(keys, start=1):
            place = (*place, token.key)
            self._note(place, token.line, explicit=number == len(keys))
        if not keys:
            self._take()
        elif self._skip("="):
            self._value(place)

    def _keys(self) -> Sequence[_Token]:
        keys: list[_Token] = []
        while self._more() and self._peek().is_key:
            keys.append(self._take())
            if not self._skip("."):
                break
        return keys

    def _value(self, place: Place) -> None:
        if self._skip("["):
            self._array(place)
        elif self._skip("{"):
            self._inline_table(place)
        else:
            # Some are more than one token: 1.5, 07:32:00, 1979-05-27 07:32:00.
            while self._more() and self._peek().text not in _AFTER_A_VALUE:
                self._take()

    def _array(self, place: Place) -> None:
        index = 0
        while self._more() and not self._skip("]"):
            if self._peek().text in _AFTER_A_VALUE:
                self._take()
                continue
            self._note((*place, index), self._peek().line, explicit=True)
            self._value((*place, index))
            index += 1

    def _inline_table(self, place: Place) -> None:
        while self._more() and not self._skip("}"):
            self._pair(place)

    def _note(self, place: Place, line: int, *, explicit: bool) -> None:
        self.entries.append(Entry(place, line, explicit))

    def _newest(self, place: Place) -> Place:
        """Return the last table of an array of tables, any other place as it is."""
        return (*place, self._sizes[place] - 1) if place in self._sizes else place

    def _more(self) -> bool:
        return self._next < len(self.tokens)

    def _peek(self) -> _Token:
        return self.tokens[self._next]

    def _take(self) -> _Token:
        self._next += 1
        return self.tokens[self._next - 1]

    def _skip(self, text: str) -> bool:
        """Take the next token if it is ``text``; return whether it was."""
        found = self._more() and self._peek().text == text
        self._next += found
        return found
