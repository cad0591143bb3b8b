"""``labtroupe new driver``: what it writes works as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labtroupe.cli import main


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder, and return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(empty: Path) -> Path:
    """Return the folder of a new driver."""
    assert main(["new", "driver", "cold-plate-2"]) == 0
    return empty / "cold-plate-2"


def run(folder: Path, *words: str) -> str:
    """Run a Python module in a folder, and return what it prints."""
    process = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "MYPYPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_a_new_driver_passes_its_tests(made: Path) -> None:
    """PLR-17."""
    assert "4 passed" in run(made, "pytest", "-q", "-p", "no:cacheprovider")


def test_a_new_driver_has_the_card_that_is_written_for_it(made: Path) -> None:
    """PLR-18."""
    run(made, "labtroupe", "test", "cold_plate_2:ColdPlate2", "--card", "now.md")

    assert (made / "now.md").read_text() == (made / "card.md").read_text()


def test_the_bench_of_a_new_driver_is_right(made: Path) -> None:
    assert "ok, 1 instrument" in run(made, "labtroupe", "check", "--simulate", "bench.toml")


def test_a_new_driver_is_as_ruff_wants_it_by_default(made: Path) -> None:
    run(made, "ruff", "check", "--isolated", "--no-cache", ".")
    run(made, "ruff", "format", "--isolated", "--no-cache", "--check", ".")


@pytest.mark.slow
def test_a_new_driver_has_right_types(made: Path) -> None:
    assert "Success" in run(made, "mypy")


def test_all_of_a_new_driver_is_named_after_it(made: Path) -> None:
    texts = [path.read_text() for path in made.rglob("*") if path.is_file()]

    assert not [text for text in texts if "$" in text]
    assert (made / "cold_plate_2" / "py.typed").exists()
    assert 'cold-plate-2 = "cold_plate_2:ColdPlate2"' in (made / "pyproject.toml").read_text()


def test_nothing_is_overwritten(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}

    assert main(["new", "driver", "cold-plate-2"]) == 2
    assert "there is a cold-plate-2 here already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Plate 2000", "Give another name, such as plate-2000."),
        ("2 Plates", "Give another name, such as plates."),
        ("../plate", "'../plate' is no name for a driver"),
        ("é", "Give another name, such as water-bath."),
        ("class", "class is a word of Python's own\n  Give another name, such as class-driver."),
        ("trio", "there is a Python package trio already"),
        ("json", "there is a Python package json already"),
        ("tests", "there is a Python package tests already"),
        ("instrument", "its class would be Instrument, which hides the Instrument that it needs"),
        ("line-device", "its class would be LineDevice"),
        ("linkam-t95", "there is a kind linkam-t95 already"),
    ],
)
def test_a_name_that_would_not_do_is_refused(
    name: str, said: str, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "driver", name]) == 2
    assert said in capsys.readouterr().err
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "right"),
    [(["cold-plate"], "cold-plate"), (["package", "cold-plate"], "cold-plate"), (["driver"], "NAME")],
)
def test_it_is_said_how_it_is_written(
    words: list[str], right: str, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", *words]) == 2
    assert f"write it `labtroupe new driver {right}`" in capsys.readouterr().err
    assert list(empty.iterdir()) == []


def test_it_is_said_what_to_do_next(capsys: pytest.CaptureFixture[str], made: Path) -> None:
    assert made.exists()
    steps = [line.split("#")[0].strip() for line in capsys.readouterr().out.splitlines()]

    assert "labtroupe test cold_plate_2:ColdPlate2" in steps
    assert "pip install -e '.[test]'" in steps
