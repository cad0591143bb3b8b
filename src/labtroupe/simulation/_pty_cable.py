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
import trio

from labtroupe.simulation._cable import DescriptorCable, Hear


@attrs.define(eq=False)
class PtyCable(DescriptorCable):
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
    _moves: bool = attrs.field(default=False, init=False)
    # The two ends of a port that nobody can open, which is behind the symlink while it refuses.
    _locked: tuple[int, int] | None = attrs.field(default=None, init=False)

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
        """Unplug, and refuse nobody: there is nothing else to give up."""
        self.unplug()
        self.refuse(refused=False)

    def move(self) -> None:
        """See `Cable.move`."""
        self._moves = True

    def refuse(self, *, refused: bool) -> None:
        """See `Cable.refuse`."""
        if refused and self._locked is None:
            self._locked = os.openpty()
            # The first keeps out those who ask, the second those who do not; root passes it.
            fcntl.flock(self._locked[1], fcntl.LOCK_EX)
            fcntl.ioctl(self._locked[1], termios.TIOCEXCL)
        elif not refused and self._locked is not None:
            for end in self._locked:
                os.close(end)
            self._locked = None
        if refused is not self.refused:
            super().refuse(refused=refused)
            self._link_up()

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
        master, slave = self._open_elsewhere() if self._moves else os.openpty()
        former, self._pipe = self._pipe, io.FileIO(master, "r+")
        try:
            os.set_blocking(master, False)
            tty.setraw(slave)
            self._path = os.ttyname(slave)
            self._link_up()
        except OSError:
            self._pipe.close()
            self._pipe = former
            os.close(slave)
            raise
        self._slave = slave
        if former is not None:
            trio.lowlevel.notify_closing(former)
            former.close()

    def _open_elsewhere(self) -> tuple[int, int]:
        """Return a new pty that is not where the last one was."""
        self._moves = False
        master, slave = os.openpty()
        if os.ttyname(slave) != self._path:
            return master, slave
        try:
            # Before the first is closed, so that this is another one.
            return os.openpty()
        finally:
            os.close(master)
            os.close(slave)

    def _link_up(self) -> None:
        """Let the symlink lead where it has to, in one step for those who look; while unplugged, nowhere."""
        if self._pipe is None:
            return
        fresh = self.link.with_name(f".{self.link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._path if self._locked is None else os.ttyname(self._locked[1]))
        fresh.replace(self.link)

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
