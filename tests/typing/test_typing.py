"""What type checkers say about uses of labtroupe, right and wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RIGHT = Path(__file__).with_name("right_uses.py")
WRONG = Path(__file__).with_name("wrong_uses.py")

Place = tuple[str, int]
"""The name of a file, and a line in it."""


def mypy(*files: Path) -> Iterator[Place]:
    """Yield the place of each error that mypy finds."""
    for line in run("mypy", "--output=json", *files).splitlines():
        error = json.loads(line)
        if error["severity"] == "error":
            yield Path(error["file"]).name, error["line"]


def pyright(*files: Path) -> Iterator[Place]:
    """Yield the place of each error that pyright finds."""
    report: dict[str, Any] = json.loads(run("pyright", "--outputjson", *files))
    for error in report["generalDiagnostics"]:
        yield Path(error["file"]).name, error["range"]["start"]["line"] + 1


def run(checker: str, *args: str | Path) -> str:
    """Run a type checker with the project's own settings, and return what it prints."""
    command = [sys.executable, "-m", checker, *args]
    # Else pyright asks the network whether there is a newer one.
    env = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    result = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stdout


def marked() -> dict[Place, str]:
    """Return the lines that must be refused, each with its reason."""
    lines = enumerate(WRONG.read_text().splitlines(), start=1)
    return {(WRONG.name, number): line.split("# error: ")[1] for number, line in lines if "# error: " in line}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_the_type_checkers_refuse_each_wrong_use_and_no_right_one(
    checker: Callable[..., Iterator[Place]], tmp_path: Path
) -> None:
    """A wrong argument, an unknown command, an answer taken for something else: none of them runs first."""
    # A copy, because the settings exclude it where it is, and pyright obeys even when told its name.
    refused = set(checker(RIGHT, shutil.copy(WRONG, tmp_path)))

    assert {reason for place, reason in marked().items() if place not in refused} == set()
    assert refused - set(marked()) == set()
