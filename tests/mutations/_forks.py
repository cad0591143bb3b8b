"""Runs tests against broken copies of the code, each in a fork of a process that has imported all else.

Started as a program, with a folder whose ``src`` is the code that is not broken.
The mutations come in on stdin, and a line for each whose run has ended goes out.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

# Seconds within which broken code has to fail; a hang is noticed too.
PATIENCE = 120
# So that two processors are busy: some of what is broken waits in vain.
AT_ONCE = 3
# What takes long to import.  Nothing of labtroupe: that is what gets broken.
COMMON = [
    *("attrs", "click", "hypothesis.strategies", "msgspec", "pymodbus.framer", "rich.table", "serial"),
    *("trio.testing", "trio_util", "_pytest.pytester", "pytest_timeout", "pytest_trio.plugin"),
]


def main(folder: str) -> None:
    """Run the tests against all mutations, and print the number and the exit code of each."""
    for name in COMMON:
        # The tests of what is not installed are skipped.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    running: dict[int, int] = {}
    for number, mutation in enumerate(json.load(sys.stdin)):
        if len(running) == AT_ONCE:
            _report_one(running)
        pid = os.fork()
        if not pid:
            _run(Path(folder), str(number), **mutation)
        running[pid] = number
    while running:
        _report_one(running)


def _report_one(running: dict[int, int]) -> None:
    pid, status = os.wait()
    sys.stdout.write(json.dumps([running.pop(pid), os.waitstatus_to_exitcode(status)]) + "\n")
    sys.stdout.flush()


def _run(folder: Path, name: str, **mutation: str) -> None:
    """Run the tests against one mutation, in the folder ``name``, and end."""
    # What it does by default needs no Python, which code that goes round and round lets nobody run.
    signal.alarm(PATIENCE)
    place = folder / name
    place.mkdir()
    output = os.open(place / "output", os.O_WRONLY | os.O_CREAT)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.close(output)
    code = str(_broken(folder / "src", place / "src", **mutation))
    os.environ["PYTHONPATH"] = sys.path[0] = code
    # Only the rules themselves: whether anything else leaks or warns is another matter.
    arguments = ["-q", "-x", "-p", "no:cacheprovider", "--assert", "plain", f"--basetemp={place}/temporary"]
    # In a thread: code that goes round and round hears no signal.
    arguments += ["--timeout", "20", "--timeout-method", "thread", f"tests/{mutation['tests']}"]
    exit_code = pytest.main(arguments)
    sys.stdout.flush()
    # Not by way of threads that may never end.
    os._exit(exit_code)


def _broken(clean: Path, copy: Path, *, path: str, before: str, after: str, **_: str) -> Path:
    # Links, as next to nothing in it differs.
    shutil.copytree(clean, copy, copy_function=os.link)
    module = copy / "labtroupe" / path
    text = module.read_text()
    # Or what is written would be in all copies.
    module.unlink()
    module.write_text(text.replace(before, after))
    return copy


if __name__ == "__main__":
    main(sys.argv[1])
