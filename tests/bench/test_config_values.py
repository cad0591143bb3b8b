"""What the settings of a kind may be, and what is said about those that are wrong."""

from __future__ import annotations

import contextlib
import enum
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import attrs
import pytest
from attrs import validators
from hypothesis import given, settings
from hypothesis import strategies as st

from labtroupe.bench import BenchConfigError, load_bench
from labtroupe.bench._mistakes import Wrong, spell
from labtroupe.bench._values import fields_of, read
from labtroupe.errors import ArgumentError
from labtroupe.messages import Range


class Mode(enum.StrEnum):
    """A choice."""

    FAST = "fast"
    EXACT = "exact"


def _to_tuple(value: Iterable[object]) -> tuple[object, ...]:
    return tuple(value)


def _rising(limits: Limits, _: object, high: float) -> None:
    if high <= limits.low:
        raise ArgumentError(f"must be above low, which is {limits.low:g}")


@attrs.frozen
class Limits:
    """A table in a table, whose fields look at each other."""

    low: float = 0.0
    high: float = attrs.field(default=1.0, validator=_rising)
    _steps: int = attrs.field(default=10, validator=validators.in_([10, 100]), alias="steps")
    channels: tuple[object, ...] = attrs.field(default=(), converter=_to_tuple)

    def __attrs_post_init__(self) -> None:
        """Refuse what no field can refuse by itself."""
        if len(self.channels) > self._steps:
            raise ValueError("there are more channels than steps")


def wrong(value: object, annotation: object) -> list[str]:
    """Return what is said about a value."""
    with pytest.raises(Wrong) as caught:
        read(value, annotation)
    return [": ".join(filter(None, (spell(each.place), each.text))) for each in caught.value.findings]


RIGHT: list[tuple[object, object, object]] = [
    ("x", str, "x"),
    (True, bool, True),
    (3, int, 3),
    (3, float, 3.0),
    (float("inf"), float, float("inf")),
    (date(1979, 5, 27), date, date(1979, 5, 27)),
    ("exact", Mode, Mode.EXACT),
    (2, Literal[1, 2], 2),
    (3, float | None, 3.0),
    ("x", int | str, "x"),
    ([1, 2], list[float], [1.0, 2.0]),
    ([1, 2], tuple[int, ...], (1, 2)),
    ([1, "x"], tuple[int, str], (1, "x")),
    ([1, 1], frozenset[int], frozenset({1})),
    ([[1], []], Sequence[Sequence[int]], ((1,), ())),
    ([1, "x"], list, [1, "x"]),
    ({"a": 1}, dict[str, float], {"a": 1.0}),
    ({"a": [1]}, Mapping[str, Sequence[float]], {"a": (1.0,)}),
    (30, Annotated[float, Range(0, 30)], 30.0),
    ({"x": [1]}, object, {"x": [1]}),
    ({"low": 1, "high": 2}, Limits, Limits(1.0, 2.0)),
    ({"steps": 100, "channels": [1]}, Limits, Limits(steps=100, channels=(1,))),
    ([{"low": -1}], list[Limits], [Limits(-1.0)]),
]

WRONG: list[tuple[object, object, list[str]]] = [
    (1, str, ["must be a string, not 1"]),
    (1, bool, ["must be true or false, not 1"]),
    (True, int, ["must be a whole number, not true"]),
    (1.0, int, ["must be a whole number, not 1.0"]),
    (10**400, float, ["must be a number, not 1000000000000000000000000000000000000000..."]),
    (float("nan"), float, ["must be a number, not nan"]),
    ("nan", float, ['must be a number, not the string "nan"']),
    ("1e3", float, ['must be a number, not the string "1e3"; write it without quotes']),
    ("Exact", Mode, ['must be "fast" or "exact", not the string "Exact" (did you mean exact?)']),
    (True, Literal[1, 2], ["must be 1 or 2, not true"]),
    ("x", Literal[1, "y", 2.5], ['must be 1, "y" or 2.5, not the string "x"']),
    ([], float | None, ["must be a number, not an array"]),
    ({}, int | str, ["must be a whole number or a string, not a table"]),
    ([1, "x"], list[int] | int, ['[1]: must be a whole number, not the string "x"']),
    ("ab", tuple[str, ...], ['must be an array, not the string "ab"; write ["ab"]']),
    (
        [1, True, "x"],
        list[int],
        ["[1]: must be a whole number, not true", '[2]: must be a whole number, not the string "x"'],
    ),
    ([1], tuple[int, int], ["must be an array of 2 values, not of 1"]),
    ({"a": 1, "b c": "x"}, dict[str, int], ['"b c": must be a whole number, not the string "x"']),
    ([], dict[str, int], ["must be a table, not an array"]),
    (31, Annotated[float, Range(0, 30)], ["must be between 0 and 30, not 31"]),
    ("x", Path, ['must be a Path, not the string "x"']),
    (3, Limits, ["must be a table, not 3"]),
    (
        {"low": "x", "steps": 11, "lo": 1, "channels": 3},
        Limits,
        [
            'low: must be a number, not the string "x"',
            "steps: must be in [10, 100] (got 11)",
            "channels: 'int' object is not iterable",
            "lo: there is no such key (did you mean low?)",
        ],
    ),
    ({"low": 2, "high": 1.5}, Limits, ["high: must be above low, which is 2"]),
    ({"high": 0}, Limits, ["high: must be above low, which is 0"]),
    ({"channels": list(range(11))}, Limits, ["there are more channels than steps"]),
]


@pytest.mark.parametrize(("value", "annotation", "expected"), RIGHT, ids=str)
def test_a_right_value_becomes_one_of_its_type(value: object, annotation: object, expected: object) -> None:
    result = read(value, annotation)

    assert (type(result), result) == (type(expected), expected)


@pytest.mark.parametrize(("value", "annotation", "expected"), WRONG, ids=str)
def test_what_is_wrong_with_a_value_is_said_of_each_part(
    value: object, annotation: object, expected: list[str]
) -> None:
    assert wrong(value, annotation) == expected


def collections_of(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Make arrays and tables of values."""
    return st.lists(values) | st.dictionaries(st.text(), values)


SIMPLE = st.booleans() | st.integers() | st.floats() | st.text() | st.dates()


@settings(deadline=None)
@given(
    value=st.recursive(SIMPLE, collections_of, max_leaves=10),
    annotation=st.sampled_from([annotation for _, annotation, _ in [*RIGHT, *WRONG]]),
)
def test_any_value_is_either_right_or_wrong(value: object, annotation: object) -> None:
    """Nothing but `Wrong` is raised."""
    with contextlib.suppress(Wrong):
        read(value, annotation)


def test_a_validator_that_looks_at_a_wrong_field_does_not_speak() -> None:
    """The field it looks at has no value to compare with."""
    assert wrong({"low": "x", "high": -1}, Limits) == ['low: must be a number, not the string "x"']


def test_a_type_that_cannot_be_evaluated_is_a_mistake_of_the_class() -> None:
    @attrs.frozen
    class Unclear:
        field: NoSuchType  # type: ignore[name-defined]  # noqa: F821 # pyright: ignore[reportUndefinedVariable,reportUnknownVariableType]

    with pytest.raises(Wrong, match="cannot be evaluated"):
        fields_of(Unclear)


KINDS = """
from typing import Annotated, Literal
import abc
import attrs
from labtroupe import Instrument, Range, command

@attrs.define(eq=False)
class Oven(Instrument):
    zones: int
    mode: Literal["slow", "fast"] = "slow"
    limit: Annotated[float, Range(0, 300)] = 100.0
    _offset: float = attrs.field(default=0.0, converter=float)
    _cache: list[int] = attrs.field(factory=list, init=False)

    def __attrs_post_init__(self):
        raise RuntimeError("only the supervisor makes instruments")

@attrs.define(eq=False)
class Taken(Instrument):
    address: int = 1

class Untyped(Instrument):
    @command
    async def warm(self, limit): ...

class Base(Instrument, abc.ABC):
    @abc.abstractmethod
    def anything(self): ...

instrument = Oven
number = 3
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the path with modules of a lab's own, and room for a bench.toml."""
    (tmp_path / "lab_of_kinds.py").write_text(KINDS)
    (tmp_path / "lab_that_fails.py").write_text("raise LookupError('no calibration')")
    (tmp_path / "lab_of_typos.py").write_text("import lab_with_typo\n")
    (tmp_path / "lab_with_typo.py").write_text("x = 1 +\n")
    (tmp_path / "lab_script.py").write_text("import sys\nsys.exit(4)")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(kind: str, *lines: str) -> list[str]:
    """Return what is said about an instrument ``a`` of this kind with these other lines."""
    text = "\n".join(["[instruments.a]", f'kind = "{kind}"', 'address = "sim:scpi"', *lines])
    Path("bench.toml").write_text(text)
    with pytest.raises(BenchConfigError) as caught:
        load_bench("bench.toml")
    return [f"{each.line} {each.key}: {each.text}" for each in caught.value.mistakes]


def test_settings_are_what_the_class_is_given(lab: Path) -> None:
    bench = lab / "bench.toml"
    bench.write_text(
        '[instruments.a]\nkind = "lab_of_kinds:Oven"\naddress = "sim:scpi"\n'
        'zones = 3\nlimit = 20\noffset = "1.5"\n'
    )

    (oven,) = load_bench(bench).instruments
    assert oven.settings == {"zones": 3, "limit": 20.0, "offset": "1.5"}


@pytest.mark.usefixtures("lab")
def test_settings_are_held_against_the_class() -> None:
    assert told(
        "lab_of_kinds:Oven", 'mode = "fats"', "limit = 301", 'offset = "x"', "cache = [1]", "zoens = 3"
    ) == [
        "1 instruments.a: zones is missing; it must be a whole number",
        '4 instruments.a.mode: must be "slow" or "fast", not the string "fats" (did you mean fast?)',
        "5 instruments.a.limit: must be between 0 and 300, not 301",
        "6 instruments.a.offset: could not convert string to float: 'x'",
        "7 instruments.a.cache: there is no such key; lab_of_kinds:Oven takes zones, mode, limit, offset",
        "8 instruments.a.zoens: there is no such key (did you mean zones?)",
    ]


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("kind", "expected"),
    {
        "lab_that_fails:Oven": "cannot be imported (LookupError: no calibration, at LAB/lab_that_fails.py:1)",
        "lab_of_typos:Oven": "cannot be imported (SyntaxError: invalid syntax (lab_with_typo.py, line 1))",
        "lab_script:Oven": "cannot be imported (SystemExit: 4, at LAB/lab_script.py:2)",
        "lab_of_kinds:Untyped": "limit of Untyped.warm has no type; write one, such as limit: float",
        "lab_of_kinds:number": "is not an instrument; derive it from labtroupe.Instrument",
        "lab_of_kinds:Base": "is abstract: a base for kinds, and no kind itself",
        "lab_of_kinds:Taken": (
            "has a setting called address, but that is a key of every instrument; "
            "give the field of its class another name"
        ),
    }.items(),
)
def test_a_class_that_is_no_kind_is_told(kind: str, expected: str, lab: Path) -> None:
    (text,) = told(kind)

    said = text.removeprefix("2 instruments.a.kind: ").removeprefix(f"{kind} ")
    assert said == expected.replace("LAB", lab.name)
