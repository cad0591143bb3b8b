"""Where keys are written: the scanner against tomllib, and against documents made with the answer known."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labtroupe.bench import BenchConfigError, load_bench
from labtroupe.bench._locate import locate
from labtroupe.bench._mistakes import Place

Draw = st.DrawFn

SCALARS = [
    "1",
    "-1.5e3",
    "true",
    "inf",
    "0xff",
    "1979-05-27",
    "1979-05-27 07:32:00.5-07:00",
    "07:32:00",
    '"a # b"',
    r'"a \" ] = \\"',
    "'C:\\'",
    "''",
    '""',
    '"""one"""',
    '"""two""""',
    '"""\n[not.a.table]\nkey = 1 # "\n"""',
    '"""a \\"\\"\\" quoted"""""',
    "'''\n[[not]]\n= ''''",
]
"""Values, some of which look as if keys or the ends of something were in them."""

STYLES = ["{}", '"{}"', "'{}'", '"\\u0071{}"', '"{} = 1 # ]"', "'{}.x'", '"{}\\"\\\\"', '"ü{}"']
"""Ways to write a key of its own."""


def places(value: object, at: Place = ()) -> Iterator[Place]:
    """Yield the place of everything in a document."""
    children: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        children = cast("dict[str, object]", value).items()
    elif isinstance(value, list):
        children = enumerate(cast("list[object]", value))
    for key, child in children:
        yield (*at, key)
        yield from places(child, (*at, key))


@attrs.define(eq=False)
class Author:
    """Writes a random document, and notes on which line it has written what."""

    draw: Draw
    text: str = ""
    lines: dict[Place, int] = attrs.field(factory=dict[Place, int])
    numbers: Iterator[int] = attrs.field(factory=itertools.count)

    def document(self) -> None:
        """Write some tables, arrays of tables, and what is in them."""
        self.pairs(())
        for _ in range(self.draw(st.integers(0, 3))):
            self.draw(st.sampled_from([self.table, self.array_of_tables]))(())

    def table(self, parent: Place, header: str = "") -> None:
        """Write a table and, after it, some in it."""
        keys, place = self.dotted(parent)
        self.text += f"[{header}{keys}]"
        self.end_line()
        self.pairs(place)
        if self.draw(st.booleans()):
            self.table(place, f"{header}{keys}.")

    def array_of_tables(self, parent: Place) -> None:
        """Write an array of tables, some of them with tables in them."""
        keys, place = self.dotted(parent)
        first = self.lines.pop(place)
        for index in range(self.draw(st.integers(1, 3))):
            self.note(place, explicit=False) if index else self.lines.setdefault(place, first)
            self.note((*place, index))
            self.text += f"[[ {keys} ]]"
            self.end_line()
            self.pairs((*place, index))
            if self.draw(st.booleans()):
                self.table((*place, index), f"{keys}.")

    def pairs(self, place: Place) -> None:
        """Write some keys with their values."""
        for _ in range(self.draw(st.integers(0, 3))):
            self.text += self.draw(st.sampled_from(["", "  ", "\t"]))
            self.pair(place)
            self.end_line()

    def pair(self, parent: Place) -> None:
        """Write one key, which may be dotted, with its value."""
        keys, place = self.dotted(parent)
        self.text += f"{keys} = "
        self.value(place)

    def value(self, place: Place, depth: int = 0) -> None:
        """Write a value: a simple one, an array or a table."""
        kind = self.draw(st.sampled_from(["scalar", "array", "table"])) if depth < 3 else "scalar"
        if kind == "scalar":
            self.text += self.draw(st.sampled_from(SCALARS))
        elif kind == "array":
            self.array(place, depth)
        else:
            self.inline_table(place, depth)

    def array(self, place: Place, depth: int) -> None:
        """Write an array, over several lines or not."""
        self.text += "["
        for index in range(self.draw(st.integers(0, 3))):
            self.text += self.draw(st.sampled_from(["", " ", "\n", " # ]\n  # x = 1\n"]))
            self.note((*place, index))
            self.value((*place, index), depth + 1)
            self.text += self.draw(st.sampled_from([",", "\n,", " , # [\n"]))
        self.text += "]"

    def inline_table(self, place: Place, depth: int) -> None:
        """Write a table within a line, save for strings of several."""
        self.text += "{ "
        for index in range(self.draw(st.integers(0, 3))):
            self.text += ", " if index else ""
            keys, inner = self.dotted(place)
            self.text += f"{keys}="
            self.value(inner, depth + 1)
        self.text += " }"

    def dotted(self, parent: Place) -> tuple[str, Place]:
        """Make a new key of one or two parts, to be written on this line."""
        written: list[str] = []
        place = parent
        for _ in range(self.draw(st.integers(1, 2))):
            written.append(self.draw(st.sampled_from(STYLES)).format(f"k{next(self.numbers)}"))
            (key,) = tomllib.loads(f"{written[-1]} = 1")
            place = (*place, key)
            self.note(place)
        return self.draw(st.sampled_from([".", " . "])).join(written), place

    def note(self, place: Place, *, explicit: bool = True) -> None:
        """Note that something is written on this line."""
        if explicit or place not in self.lines:
            self.lines[place] = self.text.count("\n") + 1

    def end_line(self) -> None:
        """End a line, maybe with a comment, and leave some free."""
        self.text += self.draw(st.sampled_from(["\n", " \n\n", " # x = 1\n", "\n# [not.a.table]\n"]))


@st.composite
def documents(draw: Draw) -> Author:
    """Make a document whose author knows what is where."""
    author = Author(draw)
    author.document()
    return author


@settings(max_examples=50, deadline=None)
@given(documents())
def test_each_key_is_found_on_the_line_where_it_is_written(author: Author) -> None:
    assert set(places(tomllib.loads(author.text))) == set(author.lines)

    assert locate(author.text) == author.lines


FRAGMENTS = [
    *SCALARS,
    *"[]{}=.,#\n\n\n",
    "[[",
    "]]",
    " ",
    "a",
    "b",
    "a = ",
    "b.a = ",
    "[a]\n",
    "[[b]]\n",
    '"',
    "'",
    '"""',
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_whatever_tomllib_finds_is_found(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return

    assert set(locate(text)) == set(places(document))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_any_text_is_a_bench_or_a_mistake(text: str, tmp_path: Path) -> None:
    """No text makes load_bench fail in another way, and every line it names exists."""
    path = tmp_path / "bench.toml"
    path.write_text(text)

    with pytest.raises(BenchConfigError) as caught:
        load_bench(path)
    assert all(0 <= each.line <= text.count("\n") + 1 for each in caught.value.mistakes)


def test_a_table_is_where_it_is_declared_not_where_it_is_only_passed_through() -> None:
    assert locate("[a.b]\nx = 1\n[a]\ny = 2\n") == {
        ("a",): 3,
        ("a", "b"): 1,
        ("a", "b", "x"): 2,
        ("a", "y"): 4,
    }
