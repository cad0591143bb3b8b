"""How a running bench is found, and what it costs to attach to it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labtroupe import Instrument, command
from labtroupe.errors import BenchError
from labtroupe.sync import attach, open_bench

CANCELS = """
import os, signal, threading, time
import labtroupe.sync

bench = labtroupe.sync.attach()
everything = bench["all"]

def press():
    while not bench.status("all").instruments[0].current:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=press).start()
try:
    everything.sleep(timeout=30)
except KeyboardInterrupt:
    print(everything.counts())
"""


class Misread(Instrument):
    """Declares another answer than the instrument gives."""

    @command
    async def double(self, number: float) -> list[str]:
        """Twice a number."""
        raise NotImplementedError


def script(text: str) -> str:
    """Run a script in a process of its own, and return what it prints."""
    # What a process ignores its children ignore too: this one may be in the background of a shell.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", text], stdout=subprocess.PIPE, text=True, check=True, timeout=20
    ).stdout


def test_to_attach_takes_no_trio() -> None:
    """Which takes longer to import than all the rest."""
    assert (
        script("import sys, labtroupe.sync; labtroupe.sync.attach; print('trio' in sys.modules)") == "False\n"
    )


def test_the_only_bench_is_found_or_the_one_that_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the command line."""
    with pytest.raises(BenchError, match="no bench is running"):
        attach()
    with open_bench(file):
        assert attach().name == "faced"
        file.write_text(file.read_text().replace("faced", "other"))
        with open_bench(file):
            with pytest.raises(BenchError, match="2 benches are running: faced, other"):
                attach()
            assert attach("other").name == "other"
            monkeypatch.setenv("LABTROUPE_BENCH", "faced")
            assert attach().name == "faced"
            with pytest.raises(BenchError, match="no bench named 'third'"):
                attach("third")


def test_ctrl_c_in_a_script_cancels_the_command_at_the_bench(file: Path) -> None:
    """R4: and what the script asks next is carried out."""
    with open_bench(file) as bench:
        assert script(CANCELS) == "[1, 1]\n"
        assert bench.status("all").instruments[0].life == 1


def test_a_message_of_another_class_is_told(file: Path) -> None:
    with open_bench(file), pytest.raises(BenchError, match="was done, and answers"):
        attach().ask("all", Misread.double(1.0))


def test_a_bench_that_has_gone_is_told(file: Path) -> None:
    with open_bench(file):
        bench = attach()

    with pytest.raises(BenchError, match="no bench answers"):
        bench["all"].nothing()
    assert "no bench answers" in repr(bench)
    assert "no bench answers" in bench._repr_html_()
