"""``labtroupe test``: a driver, and what holds of it."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labtroupe.cli import main
from labtroupe.conformance import CHECKS

DRIVERS = Path(__file__).parents[1] / "conformance"

_TALKATIVE = """
import attrs
from labtroupe.kinds import LinkamT95
from labtroupe import reading

print("imported")

@attrs.define(eq=False)
class Gauge(LinkamT95):
    @reading
    async def temperature(self) -> float:
        print("read")
        return await super().temperature()
"""


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what a command changes in the process that it ends."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = before


def test_what_holds_is_printed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    """PLR-18."""
    assert main(["test", "modbus", "unit=1"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[0] for line in lines[: len(CHECKS)]] == [each.name for each in CHECKS]
    assert lines[-1] == (
        "modbus, asked ModbusInstrument.look(), with modbus-rtu-bus: 23 holds, 4 not declared"
    )


def test_a_card_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PLR-18."""
    card = tmp_path / "card.md"

    assert main(["test", "linkam-t95", "--card", str(card), "-o", "json"]) == 0
    assert card.read_text().startswith("# Conformance card of linkam-t95\n")
    found = json.loads(capsys.readouterr().out)
    assert found["passed"]
    assert len(found["results"]) == len(CHECKS)


def test_a_card_that_cannot_be_written_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "scpi", "--card", str(tmp_path / "nowhere" / "card.md"), "-o", "jsonl"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""  # It is seen before anything is tried.
    assert "the card cannot be written" in json.loads(printed.err)["error"]["message"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["linkam"], 2, "did you mean linkam-t95?"),
        (
            ["labtroupe.kinds"],
            2,
            'to name a class of the module labtroupe.kinds, write "labtroupe.kinds:Class"',
        ),
        (["modbus"], 2, "unit is missing"),
        (["modbus", "unit=0"], 2, "unit must be"),
        (["modbus", "unit"], 2, "write it KEY=VALUE"),
        (["modbus", "unit=1", "colour=red"], 2, "colour there is no such key; modbus takes unit"),
        (["scpi", "--probe", "guess"], 4, "no command 'guess'"),
        (["scpi", "--command", "query"], 2, "request is missing"),
        (["scpi", "--device", "sim:nothing"], 2, "there is no simulated device 'nothing'"),
    ],
)
def test_what_cannot_be_tried_says_why(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", *words]) == code
    assert said in capsys.readouterr().err


@pytest.fixture
def talkative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder with a driver that prints when it is imported, and with each reading."""
    (tmp_path / "talkative.py").write_text(_TALKATIVE)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("talkative")
def test_what_a_driver_prints_is_no_part_of_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    """PLR-18."""
    assert main(["test", "talkative:Gauge", "-o", "jsonl"]) == 0
    printed = capsys.readouterr()

    assert [json.loads(each)["check"] for each in printed.out.splitlines()] == [each.name for each in CHECKS]
    assert {"imported", "read"} <= set(printed.err.splitlines())


def test_a_module_that_ends_the_program_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_program.py").write_text("import sys\n\nsys.exit(7)\n")
    monkeypatch.chdir(tmp_path)

    assert main(["test", "a_program:Gauge"]) == 2
    assert "a_program:Gauge cannot be imported (SystemExit: 7" in capsys.readouterr().err


def test_a_driver_whose_code_does_not_end_ends_the_card() -> None:
    """PLR-18, R13: nobody can end it, but it holds nothing up."""
    command = [sys.executable, "-m", "labtroupe", "test", "_drivers:IgnoresCancel"]
    process = subprocess.run(  # noqa: S603 - ours
        [*command, "--device", "_drivers:Bath", "--command", "keep 5"],
        cwd=DRIVERS,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    lines = process.stdout.splitlines()

    assert process.returncode == 1
    assert process.stderr == ""
    assert any(
        re.match(r"mute  +fails  +its code does not end .*: _drivers\.py:\d+ in _read", each)
        for each in lines
    )
    assert "late                not tried     its code does not end when it is cancelled" in lines
    assert "Never catch `trio.Cancelled`" in lines[-1]
