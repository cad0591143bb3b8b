"""docs/reference/bench-toml.md says of each key what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pytest

from labtroupe.bench import InstrumentConfig, load_bench
from labtroupe.bench._instrument_table import InstrumentTable
from labtroupe.policy import Backoff, RestartLimit
from labtroupe.transport import Address

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "bench-toml.md").read_text()

FIELDS = {
    field.name: field for owner in (InstrumentTable, RestartLimit, Backoff) for field in attrs.fields(owner)
}


def default(key: str) -> str:
    """Return the default of a key as the page has it in its tables."""
    row = re.search(rf"^\| `{key}` \| (.*?) \|", PAGE, re.MULTILINE)
    return row[1] if row else "not on the page"


def expected(field: attrs.Attribute[object]) -> str:
    """Return what the page has to have as a default."""
    if field.default is attrs.NOTHING:
        return "must be given"
    return "as below" if attrs.has(type(field.default)) else f"`{json.dumps(field.default)}`"


@pytest.mark.parametrize("key", FIELDS)
def test_each_key_is_on_the_page_with_its_default(key: str) -> None:
    assert default(key) == expected(FIELDS[key])


def snippets(tmp_path: Path) -> list[InstrumentConfig]:
    """Return the instrument in each bench.toml on the page."""
    found: list[InstrumentConfig] = []
    for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / "bench.toml").write_text(text)
        found += load_bench(tmp_path / "bench.toml").instruments
    return found


def test_each_bench_on_the_page_is_right(tmp_path: Path) -> None:
    assert [each.name for each in snippets(tmp_path)] == ["heater", "psu"]


def test_the_defaults_on_the_page_are_those_that_are_used(tmp_path: Path) -> None:
    _, written = snippets(tmp_path)
    (tmp_path / "bench.toml").write_text(
        f'[instruments.psu]\nkind = "{written.kind}"\naddress = "{written.address}"\n'
    )

    (left_out,) = load_bench(tmp_path / "bench.toml").instruments
    fields = attrs.fields_dict(written.instrument_type)
    assert written.settings == {name: fields[name].default for name in written.settings}
    assert attrs.evolve(written, settings={}) == left_out


@pytest.mark.parametrize("address", re.findall(r"^\| `((?:serial|tcp|sim):.*?)`", PAGE, re.MULTILINE))
def test_each_address_on_the_page_is_one(address: str) -> None:
    assert Address.parse(address).scheme == address.partition(":")[0]
