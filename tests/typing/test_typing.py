"""What type checkers say about uses of labtroupe, right and wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RIGHT = Path(__file__).with_name("right_uses.py")
WRONG = Path(__file__).with_name("wrong_uses.py")


def mypy() -> Iterator[tuple[Path, int]]:
    """Yield file and line of each error that mypy finds."""
    for line in run("mypy", "--output=json"):
        error = json.loads(line)
        if error["severity"] == "error":
            yield ROOT / error["file"], error["line"]


def pyright() -> Iterator[tuple[Path, int]]:
    """Yield file and line of each error that pyright finds."""
    report: dict[str, Any] = json.loads("\n".join(run("pyright", "--outputjson")))
    for error in report["generalDiagnostics"]:
        yield Path(error["file"]), error["range"]["start"]["line"] + 1


def run(checker: str, *options: str) -> list[str]:
    """Run a type checker over the uses, with the project's own settings, and return what it prints."""
    command = [sys.executable, "-m", checker, *options, str(RIGHT), str(WRONG)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stdout.splitlines()


def marked() -> dict[int, str]:
    """Return the lines that must be refused, each with its reason."""
    lines = enumerate(WRONG.read_text().splitlines(), start=1)
    return {number: line.split("# error: ")[1] for number, line in lines if "# error: " in line}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_the_type_checkers_refuse_wrong_uses_and_nothing_else(
    checker: Callable[[], Iterator[tuple[Path, int]]],
) -> None:
    """A wrong argument, an unknown command, an answer taken for something else: none of them runs first."""
    found = set(checker())
    refused = {line for path, line in found if path == WRONG}

    assert {line for path, line in found if path == RIGHT} == set()
    assert {reason for line, reason in marked().items() if line not in refused} == set()
    assert refused <= set(marked())
