"""What is of a declared type: what a type checker knows, where nobody has run one."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Protocol, TypedDict

import attrs
import pytest

from labtroupe import Range
from labtroupe.messages import fits
from labtroupe.testing import ANY
from labtroupe.testing._values import same, zero_of

from ._arrays import Array


class Named(Protocol):
    """Something with a name."""

    name: str


class Entry(TypedDict):
    """One of a log."""

    line: str


class Mode(Enum):
    """One of two."""

    ON = "on"
    OFF = "off"


@attrs.frozen
class Point:
    """A value."""

    x: float


@attrs.frozen
class Pixel(Point):
    """A value of a subclass."""


Kelvin = NewType("Kelvin", float)
Nested = dict[str, list[tuple[float, int | None]]]


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        (float, [1.5, 1], ["1", True, None, 1j]),
        (int, [1], [1.0, False]),
        (bool, [True], [1]),
        (float | None, [None, 1.0], ["1"]),
        (Annotated[float, Range(0, 1)], [0.5], ["0.5"]),
        (Kelvin, [4.2], ["4.2"]),
        (Literal["a", 1], ["a", 1], ["b", True]),
        (Mode, [Mode.ON], ["on"]),
        (Point, [Point(1.0), Pixel(1.0)], [1.0, Point]),
        (type[Point], [Pixel], [Pixel(1.0)]),
        (list[float], [[], [1, 2.0]], [["1"], (1.0,), 1.0]),
        (Sequence[float], [(1.0,), deque([2.0])], [["1"], {1.0}]),
        (Iterable[int], [{1}, range(3)], [["a"]]),
        (tuple[float, str], [(1.0, "V")], [(1.0,), (1.0, 2.0), (1.0, "V", 3)]),
        (tuple[float, ...], [(), (1.0, 2.0)], [("1",)]),
        (Mapping[str, float], [{"a": 1.0}], [{"a": "1"}, {1: 1.0}]),
        (Counter[str], [Counter("aa")], [Counter([1])]),
        (Nested, [{"a": [(1.0, None)]}], [{"a": [(1.0, "x")]}, {"a": [1.0]}]),
        (Entry, [{"line": "on"}], [["on"]]),
        (Callable[[], float], [float], [1.0]),
        (None, [None], [0]),
        # Of these nothing can be seen from outside.
        (Any, [1, None], []),
        (Named, [1], []),
    ],
)
def test_a_value_is_of_a_type_with_all_that_is_inside(
    annotation: object, right: Sequence[object], wrong: Sequence[object]
) -> None:
    assert [each for each in right if not fits(each, annotation)] == []
    assert [each for each in wrong if fits(each, annotation)] == []


@pytest.mark.parametrize(
    ("annotation", "empty"),
    [(float, 0.0), (list[float], []), (Entry, {}), (Kelvin, 0.0), (float | None, None), (Any, None)],
)
def test_a_type_may_have_an_emptiest_value(annotation: object, empty: object) -> None:
    assert zero_of(annotation) == empty


@pytest.mark.parametrize("annotation", [Mode, Point, int | str])
def test_or_it_has_none(annotation: object) -> None:
    with pytest.raises(LookupError, match="there is no empty value of"):
        zero_of(annotation)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        ((1, [2]), (1, [2]), True),
        ((1, [2]), (1, (2,)), False),
        ((1,), (1, 2), False),
        (Array(1, 2), Array(1, 2), True),
        (Array(1, 2), Array(1, 3), False),
        (Array(1, 1), Array(1), False),
        (Array(1), 1, False),
        (([Array(1, 2)],), ([Array(1, 2)],), True),
        ({"a": Array(1, 2)}, {"a": Array(1, 2)}, True),
        ({"a": Array(1, 2)}, {"a": Array(2, 2)}, False),
        ({"a": 1}, {"b": 1}, False),
        ((ANY, [ANY]), (Array(1, 2), [Array(1, 2)]), True),
        ({"a": ANY}, {"a": Array(1, 2)}, True),
    ],
)
def test_arguments_are_compared_by_what_is_in_them(one: object, other: object, equal: object) -> None:
    assert same(one, other) is equal


def test_what_is_not_even_equal_to_itself_is_the_same_thing() -> None:
    not_a_number = float("nan")

    assert same((not_a_number,), (not_a_number,))
