"""A bench on a real port, whose instrument tells when it was stopped, for processes of any kind."""

from __future__ import annotations

import os
import tty
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

KINDS: Final = '''
"""An instrument that tells what becomes of it."""
import os, pathlib
import attrs, trio
from labtroupe import Instrument, command
from labtroupe.actor import mark_acted

@attrs.define(eq=False)
class Teller(Instrument):
    """Tells what becomes of it."""
    cancelled: int = 0

    @command
    async def pid(self) -> int:
        """In which process it is."""
        return os.getpid()

    @command(timeout=60.0)
    async def sleep(self) -> None:
        """Take long."""
        mark_acted()
        try:
            await trio.sleep(50)
        except trio.Cancelled:
            self.cancelled += 1
            raise

    @command
    async def count(self) -> int:
        """How often it was cancelled."""
        return self.cancelled

    @command
    async def crash(self) -> None:
        """Have a fault."""
        raise ZeroDivisionError

    async def on_stop(self) -> None:
        await super().on_stop()
        with pathlib.Path(__file__).with_name("stopped").open("a") as file:
            file.write(f"{os.getpid()}\\n")
'''


@attrs.frozen
class Place:
    """A folder with a bench, whose port is real.

    Attributes:
        folder: With ``bench.toml`` in it.
    """

    folder: Path

    def environment(self) -> Mapping[str, str]:
        """Return the environment of a process that finds the bench's classes."""
        paths = [str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        own = {name: str(self.folder / "own") for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR")}
        return {**os.environ, **own, "PYTHONPATH": os.pathsep.join(paths)}

    def stopped(self) -> list[int]:
        """Return the processes in which the instrument was stopped in order."""
        path = self.folder / "stopped"
        return [int(line) for line in path.read_text().split()] if path.exists() else []


@contextmanager
def bench_on_a_port(folder: Path) -> Generator[Place]:
    """Have a port, and write down a bench with an instrument at it."""
    device, port = os.openpty()
    try:
        tty.setraw(port)
        (folder / "teller.py").write_text(KINDS)
        (folder / "bench.toml").write_text(
            '[bench]\nname = "told"\n[instruments.teller]\nkind = "teller:Teller"\n'
            f'address = "serial:{os.ttyname(port)}"\n'
        )
        os.close(port)
        yield Place(folder)
    finally:
        os.close(device)
