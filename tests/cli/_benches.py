"""Real benches in processes of their own, and the command line in this one or another."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Final

import attrs

PATIENCE: Final = 20.0
"""Seconds for what takes far less on a machine that has nothing else to do."""

HEATER_AND_SUPPLY: Final = """
[bench]
name = "{name}"

[instruments.heater]
kind = "linkam-t95"
address = "sim:linkam-t95"

[instruments.psu]
kind = "dc-power-supply"
address = "sim:dc-power-supply"
depends_on = ["heater"]
"""

SIMULATED: Final = f"""{HEATER_AND_SUPPLY}
[instruments.slow]
kind = "slow_kinds:Slow"
address = "sim:linkam-t95"
"""

SLOW_KINDS: Final = '''
"""Kinds that take their time."""
import attrs, trio
from labtroupe import command
from labtroupe.actor import mark_acted
from labtroupe.kinds import LinkamT95

@attrs.define(eq=False)
class Slow(LinkamT95):
    """Waits."""
    @command(timeout=60.0)
    async def wait(self) -> None:
        """Wait for long."""
        mark_acted()  # From the first moment on, so that no test has to wait for it.
        await trio.sleep(30)

    @command
    async def fail(self) -> None:
        """Have a fault in its code."""
        raise ZeroDivisionError

@attrs.define(eq=False)
class Deaf(LinkamT95):
    """Does not hear that it is cancelled."""
    @command(timeout=60.0)
    async def wait(self) -> None:
        """Wait for ever."""
        mark_acted()
        while True:
            try:
                await trio.sleep(1)
            except trio.Cancelled:
                pass

@attrs.define(eq=False)
class Stubborn(LinkamT95):
    """Does not want to stop."""
    async def on_stop(self) -> None:
        await super().on_stop()
        await trio.sleep(30)
'''


@attrs.define(eq=False)
class Program:
    """A `labtroupe` that runs."""

    process: subprocess.Popen[bytes]
    seen: str = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read its output until it has a line with ``pattern`` in it."""
        deadline = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.seen, re.MULTILINE)) is None:
            if not self._read_some(deadline):
                raise AssertionError(f"no {pattern!r} in:\n{self.seen}\n{self.errors()}")
        return found

    def wait_end(self) -> int:
        """Read the rest of its output, and return its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read_some(deadline):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def interrupt(self) -> int:
        """Do what Ctrl-C does, and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        return self.wait_end()

    def errors(self) -> str:
        """Return what it has written on standard error, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode() if self.process.poll() is not None else ""

    def _read_some(self, deadline: float) -> bool:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
        data = os.read(self.process.stdout.fileno(), 65536) if readable else b""
        self.seen += data.decode()
        return bool(data)


@attrs.frozen
class Place:
    """A user's directories: one for sockets, and one with the files of benches."""

    runtime: Path
    files: Path

    def environment(self) -> dict[str, str]:
        """Return the environment for a process of this user."""
        mine = {key: value for key, value in os.environ.items() if key not in {"LABTROUPE_BENCH", "COLUMNS"}}
        path = os.pathsep.join([str(self.files), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {
            **mine,
            "XDG_RUNTIME_DIR": str(self.runtime),
            "XDG_STATE_HOME": str(self.files / "state"),
            "PYTHONPATH": path,
        }

    def latches(self, bench: str) -> Path:
        """Return where a bench keeps what is halted."""
        return self.files / "state" / "labtroupe" / f"{bench}.latches.json"

    def bench(self, name: str, text: str = SIMULATED) -> Path:
        """Write the file of a bench."""
        path = self.files / f"{name}.toml"
        path.write_text(text.format(name=name))
        (self.files / "slow_kinds.py").write_text(SLOW_KINDS)
        return path

    def labtroupe(self, *args: str, script: str = '"$@"') -> subprocess.CompletedProcess[str]:
        """Run a command to its end in a process of its own; in ``script`` it is called ``"$@"``."""
        return subprocess.run(  # noqa: S603 - ours
            command_line(args, script),
            capture_output=True,
            text=True,
            env=self.environment(),
            timeout=PATIENCE,
            check=False,
        )

    @contextlib.contextmanager
    def started(self, *args: str, script: str = 'exec "$@"') -> Generator[Program]:
        """Start a command likewise, and make sure that it has ended afterwards."""
        process = subprocess.Popen(  # noqa: S603 - ours
            command_line(args, script),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(),
        )
        with process:
            try:
                yield Program(process)
                if process.poll() is None:
                    process.terminate()
                    process.wait(PATIENCE)
            finally:
                process.kill()

    @contextlib.contextmanager
    def running(self, name: str, text: str = SIMULATED) -> Generator[Program]:
        """Run a bench whose instruments have been started."""
        with self.started("run", str(self.bench(name, text))) as program:
            program.wait_for("From another shell")
            yield program


def command_line(args: Sequence[str], script: str = 'exec "$@"') -> list[str]:
    """Return how a process of `labtroupe` is started by a shell script, which calls it ``"$@"``."""
    # What a process ignores its children ignore too: the first in a background job of
    # a shell, the second under nohup.
    for each in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, signal.default_int_handler)
    return ["/bin/bash", "-c", script, "bash", sys.executable, "-m", "labtroupe", *args]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so that nobody tells of."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
