"""``labtroupe connect``, and benches that require some of their instruments."""

from __future__ import annotations

import json
import re

import pytest

from ._benches import Place, Program
from .conftest import Shell

BENCH = """
[bench]
name = "{name}"
[instruments.heater]
kind = "linkam-t95"
address = "sim:linkam-t95"
[instruments.lazy]
kind = "scpi"
address = "sim:scpi"
connect = "on-demand"
[instruments.gone]
kind = "scpi"
address = "serial:/dev/labtroupe-is-not-here"
[instruments.pump]
kind = "scpi"
address = "sim:scpi"
depends_on = ["gone"]
"""
TREE = r"""half: 1 of 3 connected
  gone: backoff, not connected since \d\d:\d\d:\d\d[^:]*: serial:/dev/labtroupe-is-not-here: no such device
    pump \(sim\): starting, not connected since \d\d:\d\d:\d\d: waits for gone
"""


@pytest.fixture(scope="module")
def half(place: Place) -> object:
    """A bench of which half is there."""
    with place.running("half", BENCH) as program:
        yield program


def test_run_says_who_is_connected_and_why_others_are_not(half: Program) -> None:
    """OA-9: as soon as each has been tried; who waits for its first use is not missing."""
    half.wait_for(TREE)


def test_connect_tries_again_and_says_the_same(half: Program, shell: Shell) -> None:
    """OA-9, BAPI-2: it exits with 3 unless all are connected."""
    result = shell("connect")

    assert re.fullmatch(TREE, result.out)
    assert (result.code, result.err) == (3, "")


def test_connect_starts_what_is_named(half: Program, shell: Shell) -> None:
    """OA-10: the first use may be that."""
    result = shell("connect", "lazy", "heater", "--timeout", "20")

    assert (result.code, result.out, result.err) == (0, "half: 2 of 2 connected\n", "")


def test_connect_by_force_begins_a_new_life(half: Program, shell: Shell) -> None:
    """OA-4."""
    before = json.loads(shell("status", "heater", "-o", "json").out)["instruments"][0]["life"]
    assert shell("connect", "heater", "--force").code == 0

    assert json.loads(shell("status", "heater", "-o", "json").out)["instruments"][0]["life"] == before + 1


def test_programs_get_the_same(half: Program, shell: Shell) -> None:
    """OA-9: with the cause for each that is missing."""
    result = shell("connect", "pump", "heater", "-o", "json")
    rows = {each["name"]: each for each in json.loads(result.out)["connections"]}

    assert list(rows) == ["gone", "pump", "heater"]
    assert [each["connected"] for each in rows.values()] == [False, False, True]
    assert rows["pump"]["depends_on"] == ["gone"]
    assert rows["heater"]["since"] is None
    lines = shell("connect", "pump", "-o", "jsonl").out.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["gone", "pump"]


def test_status_says_for_how_long(half: Program, shell: Shell) -> None:
    """BAPI-2: each try begins a state anew, and the absence goes on."""
    shell("connect")
    gone = json.loads(shell("status", "gone", "-o", "json").out)["instruments"][0]

    assert gone["down"] > gone["since"]
    assert re.search(r"failed \d+ times in a row, not connected for ", shell("status", "gone").out)


@pytest.mark.parametrize("option", [("--require", "heater,gone"), ("--require-all",)])
def test_required_for_one_run_it_has_to_be_there(place: Place, option: tuple[str, ...]) -> None:
    """BAPI-7: whatever the file says."""
    result = place.labtroupe("run", str(place.bench("strict", BENCH)), *option)

    assert result.returncode == 1
    assert "labtroupe: gone: given up: serial:/dev/labtroupe-is-not-here: no such device" in result.stderr


def test_required_ones_that_are_there_do_not_end_it(place: Place) -> None:
    """BAPI-7: one that starts on demand is started then."""
    with place.started("run", str(place.bench("lenient", BENCH)), "--require", "heater, lazy") as program:
        program.wait_for("lazy    running")
        program.wait_for("2 of 4 connected|3 of 4 connected")


def test_to_require_what_does_not_exist_is_a_mistake(place: Place) -> None:
    """OA-9: before anything is opened."""
    result = place.labtroupe("run", str(place.bench("wrong", BENCH)), "--require", "heatr")

    assert result.returncode == 4
    assert "there is no instrument 'heatr' to require; did you mean 'heater'?" in result.stderr
