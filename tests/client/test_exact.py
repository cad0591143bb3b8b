"""What a bench answers arrives as it was, though JSON lies between."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from datetime import UTC, datetime

import attrs
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labtroupe.client import from_exact, to_plain
from labtroupe.control import to_exact, to_json
from labtroupe.errors import ArgumentError

PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text() | st.binary()
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("$float"), inner), max_leaves=8
)


class Colour(enum.Enum):
    """An enum whose members are no texts."""

    RED = 1


@attrs.frozen
class Point:
    """A record."""

    x: float
    colour: Colour


@dataclasses.dataclass
class Line:
    """A record of records."""

    ends: tuple[Point, Point]


class Circle(msgspec.Struct):
    """Another kind of record."""

    radius: float


class Number:
    """What numpy has for a number."""

    def tolist(self) -> float:
        """Return it as one of Python's."""
        return 1.5


def sent(value: object) -> object:
    """Return what arrives."""
    return from_exact(json.loads(json.dumps(to_exact(value), allow_nan=False)))


@settings(max_examples=30)
@example({"$float": "nan"})
@example([{"$table": {}}, {"$record": "x", "fields": {}}])
@given(VALUES)
def test_a_value_arrives_as_it_was(value: object) -> None:
    assert repr(sent(value)) == repr(value)


def test_a_record_arrives_with_its_fields_and_equal_ones_are_equal() -> None:
    line = sent(Line((Point(math.inf, Colour.RED), Point(0.5, Colour.RED))))

    assert repr(line) == "Line(ends=[Point(x=inf, colour=1), Point(x=0.5, colour=1)])"
    assert sent(Circle(1.0)) == sent(Circle(1.0)) != sent(Circle(2.0))


def test_what_json_does_not_know_at_all_arrives_as_a_number_or_a_text() -> None:
    assert sent(Number()) == 1.5
    assert sent({"at": datetime(2026, 1, 2, tzinfo=UTC)}) == {"at": "2026-01-02T00:00:00Z"}
    assert sent({1: 2j}) == {"1": "2j"}


def test_what_a_script_gives_becomes_json_or_is_refused() -> None:
    given_values = [Point(math.nan, Colour.RED), {"a": (math.inf, b"\x00")}, Number()]

    assert to_plain(given_values) == [{"x": "nan", "colour": 1}, {"a": ["inf", "AA=="]}, 1.5]
    with pytest.raises(ArgumentError, match="cannot be sent to a bench"):
        to_plain(object())


def test_for_people_what_is_not_finite_is_text_also_within_a_tuple() -> None:
    assert to_json((math.nan, [math.inf])) == ["NaN", ["Infinity"]]
