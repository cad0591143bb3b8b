"""A bench that is still open when its process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labtroupe import notebook

from ._bench import Place

SETUP = """
import os, signal, sys, threading, time
import labtroupe.notebook
b = labtroupe.notebook.setup("bench.toml")
b["teller"].pid()
"""

WORKS_ON = """
def work():
    time.sleep(0.5)
    print(b["teller"].pid() == os.getpid())

threading.Thread(target=work).start()
"""
IN_MID_COMMAND = """
threading.Thread(target=b["teller"].sleep, daemon=True).start()
time.sleep(0.3)
1/0
"""

SLOW = """
import pathlib
import trio
from teller import Teller

class Slow(Teller):
    async def on_start(self):
        pathlib.Path("starting").touch()
        await trio.sleep(20)

    async def on_stop(self):
        await trio.sleep(0.3)
        await super().on_stop()
"""
INTERRUPTED_TWICE = """
import os, signal, threading, time
from labtroupe.sync import open_bench
from labtroupe.sync._owner import Owner

def press():
    while not os.path.exists("starting"):
        time.sleep(0.01)
    (owner,) = Owner.started
    os.kill(os.getpid(), signal.SIGINT)
    while not owner.told:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=press).start()
open_bench("bench.toml")
"""


def run(place: Place, *command: str, keyboard: str = "") -> subprocess.CompletedProcess[str]:
    """Run a process of Python to its end."""
    return subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-W", "error", *command],
        input=keyboard,
        capture_output=True,
        text=True,
        env=place.environment(),
        cwd=place.folder,
        timeout=30,
        check=False,
    )


def test_it_is_stopped_in_order_at_the_end_of_a_script(place: Place) -> None:
    """PLR-6, PLR-13: and another process can have its name and its port at once."""
    result = run(place, "-c", SETUP)

    assert (result.returncode, result.stderr) == (0, "")
    assert len(place.stopped()) == 1
    assert notebook.setup(Path("bench.toml"))["teller"].pid() not in place.stopped()


def test_one_whose_opening_was_interrupted_twice_is_stopped_in_order_too(place: Place) -> None:
    """PLR-13: also the first of the process."""
    (place.folder / "slow.py").write_text(SLOW)
    file = place.folder / "bench.toml"
    file.write_text(file.read_text().replace("teller:Teller", "slow:Slow") + 'connect = "required"\n')
    result = run(place, "-c", INTERRUPTED_TWICE)

    assert result.stderr.endswith("KeyboardInterrupt\n")
    assert len(place.stopped()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "code"),
    [("sys.exit(3)", 3), (IN_MID_COMMAND, 1), (WORKS_ON, 0)],
    ids=["exit", "error", "thread"],
)
def test_it_is_stopped_in_order_however_a_script_ends(place: Place, ending: str, code: int) -> None:
    """PLR-13: a thread that still works with it may go on to its end."""
    result = run(place, "-c", f"{SETUP}\n{ending}")

    assert result.returncode == code
    assert len(place.stopped()) == 1
    assert ("True" in result.stdout) == (ending == WORKS_ON)


@pytest.mark.slow
def test_it_is_stopped_in_order_at_the_end_of_a_shell(place: Place) -> None:
    """PLR-13."""
    result = run(
        place, "-m", "IPython", "--simple-prompt", keyboard=f"{SETUP}\nprint('pid', b['teller'].pid())\n"
    )

    assert "pid " in result.stdout, result.stderr
    assert len(place.stopped()) == 1


@pytest.mark.slow
def test_of_a_killed_process_the_system_closes_what_it_held(place: Place) -> None:
    """L9."""
    assert run(place, "-c", f"{SETUP}\nos.kill(os.getpid(), signal.SIGKILL)").returncode == -9
    assert place.stopped() == []
    assert notebook.setup("bench.toml")["teller"].pid() > 0
