"""Rows: what it takes until a program has begun, or a command line has answered."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
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


@cache
def _environment() -> dict[str, str]:
    """Return the environment of processes that keep their bytecode, as installed programs do."""
    folder = tempfile.mkdtemp(prefix="labtroupe-bytecode-")
    atexit.register(shutil.rmtree, folder)
    unwanted = {"PYTHONDONTWRITEBYTECODE", "LABTROUPE_BENCH"}
    mine = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**mine, "PYTHONPYCACHEPREFIX": folder}


def _seconds(command: Sequence[str], count: int, environment: Mapping[str, str]) -> float:
    """Return for how long such a process runs; what it waits for is not counted."""
    output(command, environment)  # The first makes the bytecode.
    began = _time_of_children()
    for _ in range(count):
        output(command, environment)
    return (_time_of_children() - began) / count


def _time_of_children() -> float:
    """Return for how long the processes that have ended by now ran, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _status(count: int) -> float:
    with _running_bench() as environment:
        return _seconds((*LABTROUPE, "status"), count, environment)


@contextmanager
def _running_bench() -> Generator[Mapping[str, str]]:
    """Run a simulated bench; yield the environment in which it is found."""
    # Short, because the path of a Unix socket must be.
    with tempfile.TemporaryDirectory(prefix="lt-") as folder:
        file = Path(folder) / "bench.toml"
        file.write_text(BENCH)
        environment = {**_environment(), "XDG_RUNTIME_DIR": folder, "PYTHONUNBUFFERED": "1"}
        command = [*LABTROUPE, "run", str(file)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        with process:
            assert process.stdout is not None
            next(line for line in process.stdout if "From another shell" in line)
            yield environment
            process.terminate()


def _statement(name: str, code: str) -> Contender:
    return Contender(name, lambda count: _seconds((sys.executable, "-c", code), count, _environment()))


def _command(*arguments: str) -> Contender:
    return Contender(OURS, lambda count: _seconds((*LABTROUPE, *arguments), count, _environment()))


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
