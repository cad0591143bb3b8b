"""Notebooks, executed in real kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labtroupe import notebook

from ._bench import Place

pytestmark = pytest.mark.slow

# Seconds after which a cell is interrupted, and the command in it has begun.
BEGUN = 2

Step = str | tuple[str, int] | None


def execute(place: Place, *steps: Step, ending: str = "graceful") -> list[dict[str, str]]:
    """Run cells, and return what each shows; ``None`` restarts the kernel."""
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, str(Path(__file__).with_name("_driver.py"))],
        input=json.dumps([ending, *steps]),
        stdout=subprocess.PIPE,
        env=place.environment(),
        cwd=place.folder,
        text=True,
        timeout=50,
        check=True,
    )
    shown: list[dict[str, str]] = json.loads(done.stdout)
    return shown


def runs(pid: int) -> bool:
    """Return whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_notebook_in_the_style_of_set_up_and_stop(place: Place) -> None:
    """PLR-6, PLR-8, PLR-9: a failed cell, an interrupted one, and a kernel that is shut down."""
    first, lost, again, interrupted, after, bench, owners = execute(
        place,
        "import labtroupe.notebook\nbench = labtroupe.notebook.setup('bench.toml')\nbench['teller'].pid()",
        "x = labtroupe.notebook.setup('bench.toml')\ndel bench, x\n1/0",
        "bench = labtroupe.notebook.setup('bench.toml')\nbench['teller'].pid()",
        ("bench['teller'].sleep()", BEGUN),
        "bench['teller'].count(), bench.status('teller').instruments[0].life",
        "bench",
        "labtroupe.notebook.owners()",
    )
    pid = int(first["text"])

    assert (lost["error"], interrupted["error"]) == ("ZeroDivisionError", "KeyboardInterrupt")
    assert (again["text"], after["text"]) == (first["text"], "(1, 1)")
    assert "<td>teller</td>" in bench["html"]
    assert "thread='labtroupe: told'" in owners["text"]
    assert not runs(pid)
    assert place.stopped() == [pid]
    assert notebook.setup("bench.toml")["teller"].pid() == os.getpid()


def test_a_notebook_in_the_style_of_with_whose_kernel_is_restarted_and_killed(place: Place) -> None:
    """PLR-5, PLR-13."""
    failed, owners, first, second = execute(
        place,
        "import labtroupe.notebook\nwith labtroupe.notebook.setup('bench.toml') as bench:\n    1/0",
        "labtroupe.notebook.owners()",
        "labtroupe.notebook.setup('bench.toml')['teller'].pid()",
        None,
        "import labtroupe.notebook\nlabtroupe.notebook.setup('bench.toml')['teller'].pid()",
        ending="immediate",
    )
    before, after = int(first["text"]), int(second["text"])

    assert (failed["error"], owners["text"]) == ("ZeroDivisionError", "[]")
    assert after not in {before, os.getpid()}
    assert place.stopped()[0] == before
    assert not runs(after)
    assert notebook.setup("bench.toml")["teller"].pid() == os.getpid()
