"""Measurements in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 300
"""Seconds after which a process is not waited for any more."""


def output(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a command of ours to its end, and return what it prints."""
    done = subprocess.run(  # noqa: S603 - ours
        command, capture_output=True, check=True, text=True, timeout=PATIENCE, cwd=ROOT, env=environment
    )
    return done.stdout


def call(module: str, function: str, *arguments: object) -> Sequence[str]:
    """Return the command that calls a function of one of our modules, and prints what it returns."""
    values = ", ".join(repr(each) for each in arguments)
    code = f"from tests.benchmarks.{module} import {function}; print({function}({values}))"
    return [sys.executable, "-c", code]
