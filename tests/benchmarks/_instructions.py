"""Rows: how many instructions an ask takes, which is the same on a busy machine as on an idle one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from ._harness import INSTRUCTIONS, OURS, Contender, Missing, Row, Share
from ._subprocesses import PATIENCE, ROOT, call


def _counted(contender: str, count: int) -> int:
    """Return the instructions of a process that asks so often."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Missing("there is no valgrind on the PATH; Debian's package is valgrind")
    command = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(  # noqa: S603 - ours
        [*command, *call("_asking", "ask_by", contender, count)],
        capture_output=True,
        check=True,
        text=True,
        timeout=PATIENCE,
        cwd=ROOT,
        # Where a dict puts what depends on it otherwise.
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None
    return int(found.group(1))


def _per_ask(contender: str) -> Contender:
    def measure(count: int) -> float:
        # Both start Python and import the same; what is left is what the asks take.
        return (_counted(contender, 2 * count) - _counted(contender, count)) / count

    return Contender(contender, measure)


ROWS = [
    Row(
        name="instructions",
        title="one caller asks one actor: instructions, as valgrind counts them",
        unit=INSTRUCTIONS,
        size=500,
        tiny=20,
        contenders=[_per_ask(OURS), _per_ask("naive trio"), _per_ask("lowlevel floor")],
        goals=[Share("naive trio", 0.65)],
        exact=True,
    ),
]
