"""docs/reference/bench-toml.md says of each key what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pytest

from labtroupe.bench import BenchConfig, load_bench
from labtroupe.bench._group_table import GroupTable
from labtroupe.bench._instrument_table import InstrumentTable
from labtroupe.bench._values import fields_of
from labtroupe.bench._words import choices_of
from labtroupe.policy import Backoff, RestartLimit
from labtroupe.transport import Address

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "bench-toml.md").read_text()

SECTIONS: dict[str, type[attrs.AttrsInstance]] = {
    "[instruments.NAME]": InstrumentTable,
    "restart": RestartLimit,
    "backoff": Backoff,
    "[groups.NAME]": GroupTable,
}
FIELDS = {(title, key): each for title, owner in SECTIONS.items() for key, each in fields_of(owner).items()}


def row(title: str, key: str) -> list[str]:
    """Return what the page has for a key in the table of a section: its default and its meaning."""
    section = re.search(rf"^#+ `{re.escape(title)}`$(.*?)^#", PAGE, re.MULTILINE | re.DOTALL)
    found = re.search(rf"^\| `{key}` \| (.*?) \| (.*?) \|$", section[1] if section else "", re.MULTILINE)
    return list(found.groups()) if found else ["not on the page", ""]


def expected(field: attrs.Attribute[object], table: str) -> str:
    """Return what the page has to have as a default."""
    if field.default is attrs.NOTHING:
        return "must be given"
    if attrs.has(type(field.default)):
        return "as above" if table == "[groups.NAME]" else "as below"
    return f"`{json.dumps(field.default)}`"


@pytest.mark.parametrize(("title", "key"), FIELDS)
def test_each_key_is_on_the_page_with_its_default(title: str, key: str) -> None:
    assert row(title, key)[0] == expected(FIELDS[title, key], title)


@pytest.mark.parametrize(("title", "key"), [each for each in FIELDS if choices_of(FIELDS[each].type)])
def test_each_value_that_a_key_may_have_is_on_the_page(title: str, key: str) -> None:
    values = {json.dumps(value) for value in choices_of(FIELDS[title, key].type)}

    assert set(re.findall(r'`(".*?")`', " ".join(row(title, key)))) == values


def snippets(tmp_path: Path) -> list[BenchConfig]:
    """Return what each bench.toml on the page says."""
    found: list[BenchConfig] = []
    for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / "bench.toml").write_text(text)
        found.append(load_bench(tmp_path / "bench.toml"))
    return found


def test_each_bench_on_the_page_is_right(tmp_path: Path) -> None:
    found = [[each.name for each in bench.instruments] for bench in snippets(tmp_path)]

    assert found == [["heater"], ["psu"], ["valve", "pump"], ["line", "oven", "pump"]]


def test_the_defaults_on_the_page_are_those_that_are_used(tmp_path: Path) -> None:
    (written,) = snippets(tmp_path)[1].instruments
    (tmp_path / "bench.toml").write_text(
        f'[instruments.psu]\nkind = "{written.kind}"\naddress = "{written.address}"\n'
    )

    (left_out,) = load_bench(tmp_path / "bench.toml").instruments
    fields = attrs.fields_dict(written.instrument_type)
    assert written.settings == {name: fields[name].default for name in written.settings}
    assert attrs.evolve(written, settings={}) == left_out


def test_the_limit_of_a_group_on_the_page_is_the_one_that_is_used(tmp_path: Path) -> None:
    (group,) = snippets(tmp_path)[2].groups

    assert group.group.limit == RestartLimit()


@pytest.mark.parametrize("address", re.findall(r"^\| `((?:serial|tcp|sim):.*?)`", PAGE, re.MULTILINE))
def test_each_address_on_the_page_is_one(address: str) -> None:
    assert Address.parse(address).scheme == address.partition(":")[0]
