"""Devices on real ptys that can be pulled out and plugged in elsewhere, and count what is said to them."""

from __future__ import annotations

import os
import tty
from pathlib import Path

import attrs
import trio

NOISE = bytes(range(0x80, 0xA8))
"""Forty bytes that a booting device may send: none is ASCII, none ends a line."""


@attrs.define(eq=False)
class PtyDevice:
    """A device that speaks a little SCPI, wherever it is plugged in.

    Attributes:
        identity: What it answers to ``*IDN?``.
        mute_at: A question that it hears, and does not answer.
        heard: All that was said to it, in order.
    """

    identity: str
    nursery: trio.Nursery
    mute_at: str = ""
    heard: list[str] = attrs.field(factory=list[str])
    _master: int = -1
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    @property
    def questions(self) -> list[str]:
        """What was said to it beyond who it is, how it has been, and whether it has errors."""
        return [line for line in self.heard if line not in {"", "*IDN?", "*ESR?", "SYST:ERR?"}]

    def plug(self, port: Path, noise: bytes = b"") -> None:
        """Plug it in, so that it is behind ``port``; it says ``noise`` as it boots."""
        self._master, slave = os.openpty()
        tty.setraw(slave)
        port.symlink_to(os.ttyname(slave))
        os.set_blocking(self._master, False)
        os.write(self._master, noise)
        self._scope = trio.CancelScope()
        self.nursery.start_soon(self._serve, self._master, slave, self._scope)

    def pull(self, port: Path) -> None:
        """Pull it out."""
        port.unlink()
        trio.lowlevel.notify_closing(self._master)
        os.close(self._master)
        self._scope.cancel()

    async def _serve(self, master: int, slave: int, scope: trio.CancelScope) -> None:
        unfinished = ""
        try:
            with scope:
                while True:
                    try:
                        await trio.lowlevel.wait_readable(master)
                    except trio.ClosedResourceError:
                        return
                    # Not only text comes from a host that has another idea of the wire.
                    *lines, unfinished = (unfinished + os.read(master, 4096).decode("latin-1")).split("\n")
                    for line in lines:
                        self.heard.append(line)
                        if line.endswith("?") and line != self.mute_at:
                            os.write(master, self._answer(line).encode() + b"\n")
        finally:
            # Open until now, so that the port is there before anybody opens it.
            os.close(slave)

    def _answer(self, line: str) -> str:
        return {"*IDN?": self.identity, "SYST:ERR?": '0,"No error"'}.get(line, f"to {line}")
