"""Rows: what it takes until a program has begun, or a command line has answered."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

from ._harness import MILLISECONDS, OURS, AtMost, Contender, Row
from ._subprocesses import output

BENCH: Final = """
[bench]
name = "benchmark"

[instruments.heater]
kind = "linkam-t95"
address = "sim:linkam-t95"

[instruments.psu]
kind = "dc-power-supply"
address = "sim:dc-power-supply"
"""

LABTROUPE: Final = (sys.executable, "-m", "labtroupe")


def _seconds(command: Sequence[str], count: int, environment: dict[str, str] | None = None) -> float:
    began = perf_counter()
    for _ in range(count):
        output(command, environment)
    return (perf_counter() - began) / count


def _status(count: int) -> float:
    with _running_bench() as environment:
        return _seconds((*LABTROUPE, "status"), count, environment)


@contextmanager
def _running_bench() -> Generator[dict[str, str]]:
    """Run a simulated bench; yield the environment in which it is found."""
    # Short, because the path of a Unix socket must be.
    with tempfile.TemporaryDirectory(prefix="lt-") as folder:
        file = Path(folder) / "bench.toml"
        file.write_text(BENCH)
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "PYTHONUNBUFFERED": "1"}
        environment.pop("LABTROUPE_BENCH", None)
        command = [*LABTROUPE, "run", str(file)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        with process:
            assert process.stdout is not None
            next(line for line in process.stdout if "From another shell" in line)
            yield environment
            process.terminate()


def _statement(name: str, code: str) -> Contender:
    return Contender(name, lambda count: _seconds((sys.executable, "-c", code), count))


def _command(*arguments: str) -> Contender:
    return Contender(OURS, lambda count: _seconds((*LABTROUPE, *arguments), count))


EMPTY: Final = _statement("python, doing nothing", "pass")

ROWS = [
    Row(
        name="import",
        title="a process that imports all of labtroupe's public names, then ends",
        unit=MILLISECONDS,
        size=3,
        tiny=1,
        contenders=[
            _statement(OURS, "from labtroupe import *"),
            _statement("import labtroupe, and nothing of it", "import labtroupe"),
            _statement("import trio", "import trio"),
            EMPTY,
        ],
        goals=[AtMost(10, beyond="import trio")],
    ),
    Row(
        name="help",
        title="labtroupe --help",
        unit=MILLISECONDS,
        size=3,
        tiny=1,
        contenders=[_command("--help"), EMPTY],
        goals=[AtMost(60)],
    ),
    Row(
        name="status",
        title="labtroupe status, while a simulated bench runs",
        unit=MILLISECONDS,
        size=3,
        tiny=1,
        contenders=[Contender(OURS, _status), EMPTY],
        goals=[AtMost(150)],
    ),
]
