"""A serial cable to a simulated device: a pseudo terminal behind a symlink."""

from __future__ import annotations

import fcntl
import io
import os
import select
import termios
import tty
from pathlib import Path

import attrs

from labtroupe.simulation._cable import Cable, Hear


@attrs.define(eq=False)
class PtyCable(Cable):
    """A serial cable: a pseudo terminal behind a symlink that keeps its name.

    A master whose slave was closed by all is readable for ever (EIO).  So the
    cable keeps the slave open itself while nobody else is known to; whoever
    sends something is known, and the cable lets go, to see the closing.

    A pty also remembers what a real port forgets on its last close: unread
    bytes, and ``TIOCEXCL``, with which a program that was killed would lock out
    all that come after it.  The cable makes it forget both, except of an opener
    that never sent anything: its closing is not seen.

    Attributes:
        link: Where the symlink is put; one of that name is replaced.
    """

    link: Path
    _path: str = attrs.field(default="", init=False)
    _slave: int | None = attrs.field(default=None, init=False)

    @property
    def address(self) -> str:
        """The symlink, as a serial address."""
        return f"serial:{self.link}"

    def plug(self) -> None:
        """Lay a pty, and make the symlink."""
        if self._pipe is None:
            self._lay()
            self._plugging.unpark_all()

    def unplug(self) -> None:
        """Close the pty, which is to its opener what a pulled USB cable is, and remove the symlink."""
        if self._pipe is not None:
            self.link.unlink(missing_ok=True)
            self._let_go()
            self._hang_up()

    def close(self) -> None:
        """Unplug: there is nothing else to give up."""
        self.unplug()

    async def run(self, hear: Hear) -> None:
        """Serve one opener after the other."""

        def hear_opener(data: bytes) -> None:
            self._let_go()
            hear(data)

        while True:
            pipe = self._pipe
            if pipe is None:
                await self._plugging.park()
                continue
            await self._pump(pipe, hear_opener)
            if pipe is self._pipe:
                self._tidy(pipe)

    def _lay(self) -> None:
        """Put a new pty, raw on both ends, behind the symlink, in one step for those who look."""
        master, slave = os.openpty()
        try:
            os.set_blocking(master, False)
            tty.setraw(slave)
            fresh = self.link.with_name(f".{self.link.name}.new")
            fresh.unlink(missing_ok=True)
            self._path = os.ttyname(slave)
            fresh.symlink_to(self._path)
            fresh.replace(self.link)
        except OSError:
            os.close(master)
            os.close(slave)
            raise
        self._hang_up()
        self._pipe = io.FileIO(master, "r+")
        self._slave = slave

    def _tidy(self, pipe: io.FileIO) -> None:
        """Make the port as good as new for its next opener, now that the last one has closed it."""
        try:
            self._slave = os.open(self._path, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            # It was locked for good, or somebody was quicker than we, who may keep it.
            if _was_left(pipe):
                self._lay()
            return
        termios.tcflush(self._slave, termios.TCIFLUSH)
        fcntl.ioctl(self._slave, termios.TIOCNXCL)

    def _let_go(self) -> None:
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None


def _was_left(pipe: io.FileIO) -> bool:
    """Return whether nobody has the slave of this master open."""
    poll = select.poll()
    poll.register(pipe, 0)
    return bool(poll.poll(0))
