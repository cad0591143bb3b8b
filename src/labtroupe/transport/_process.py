"""Devices that come with a program, spoken to over its standard input and output."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import shlex
import signal
import struct
import subprocess
import termios
from collections.abc import Sequence
from typing import IO, ClassVar, Final, Self, cast

import attrs
import trio

from labtroupe.errors import ConfigError, DeviceAbsent, LabtroupeError, LinkError
from labtroupe.transport._address import Address
from labtroupe.transport._descriptor import DescriptorTransport
from labtroupe.transport._threads import call_in_thread
from labtroupe.transport._transport import Transport

_log: Final = logging.getLogger(__name__)

_CHUNK = 65536
"""Bytes taken in one read."""

_FAREWELL_LIMIT = 0.25
"""Seconds that a program gets to end by itself, first after the end of its input, then after SIGTERM."""

_EXIT_LAG = 0.02
"""Seconds from the moment a program's pipes close to the moment its exit code is known, at most."""

_LINE_LIMIT = 2000
"""Bytes of its error output that are logged as one line."""


@attrs.frozen
class ProcessAddress(Address):
    """A program with its arguments: ``process:/opt/vendor/stage --axis "x 1"``; there is no shell."""

    scheme: ClassVar[str] = "process"
    example: ClassVar[str] = "process:stage-server --axis 1"
    # A question mark is the program's.
    has_options: ClassVar[bool] = False

    argv: tuple[str, ...]

    @classmethod
    def at(cls, place: str) -> Self:
        """Return the program that a command line starts; quotes are those of a shell; see `Address.at`."""
        argv = tuple(shlex.split(place))
        if not argv or not argv[0]:
            raise ValueError("it names no program")
        return cls(argv)

    @property
    def place(self) -> str:
        """The command line."""
        return shlex.join(self.argv)

    async def open(
        self,
        resource: str,  # noqa: ARG002 - claimed, that is all
        undo: contextlib.ExitStack,
    ) -> Transport:
        """Start the program; see `Address.open`.

        Raises:
            DeviceAbsent: There is no such program.
            ConfigError: It may not be run, or is none.
            LinkError: It cannot be started for another reason.
        """
        child = await call_in_thread(lambda mine: _start(self, mine), undo)
        return _ProcessTransport.over(self, child, undo.pop_all())


@attrs.define(eq=False)
class _Child:
    """A program that runs, and our ends of its pipes."""

    process: subprocess.Popen[bytes]
    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]
    # Becomes readable when it exits.
    exited: int
    # Readable when its output is, or when it has exited: a child of its own may hold the pipe open.
    waiter: select.epoll

    def wait_over(self, seconds: float) -> str:
        """Return how it ended if it does within ``seconds``, else ``""``; it is not reaped yet."""
        watch = select.poll()
        watch.register(self.exited, select.POLLIN)
        if not watch.poll(seconds * 1000):
            return ""
        found = os.waitid(os.P_PIDFD, self.exited, os.WEXITED | os.WNOWAIT)
        # Never None, as it has exited.
        status, code = (found.si_status, found.si_code) if found else (0, os.CLD_EXITED)
        if code == os.CLD_EXITED:
            return f"exit code {status}"
        return f"signal {status}, {signal.strsignal(status)}"

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it has started."""
        _kill(self.process, number)


@attrs.define(eq=False)
class _ProcessTransport(DescriptorTransport):
    """Bytes over the pipes of a program."""

    child: _Child = attrs.field(kw_only=True)
    _listening: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _listened: trio.Event = attrs.field(factory=trio.Event, init=False)

    @classmethod
    def over(cls, address: ProcessAddress, child: _Child, undo: contextlib.ExitStack) -> Self:
        """Return the transport over a program that was just started."""
        transport = cls(address, child.waiter.fileno(), undo, "it has closed its output", child=child)
        # Of the system, because nobody but the transport's end may end it; `aclose` waits for it.
        trio.lowlevel.spawn_system_task(transport._log_errors)
        return transport

    @property
    def _out(self) -> int:
        return self.child.stdin.fileno()

    def _read(self) -> bytes:
        # Looked at first: what it has written before it exited is there by then.
        over = self.child.wait_over(0)
        try:
            return os.read(self.child.stdout.fileno(), _CHUNK)
        except BlockingIOError:
            if over:
                return b""
            raise

    def _unsent(self) -> int:
        (count,) = struct.unpack("I", fcntl.ioctl(self.child.stdin, termios.FIONREAD, bytes(4)))
        return int(count)

    def _cause(self, error: OSError | None) -> str:
        # Blocks, once and shortly: without its exit code nobody could tell what it died of.
        over = self.child.wait_over(_EXIT_LAG)
        return f"the program has ended ({over})" if over else super()._cause(error)

    async def _release(self) -> None:
        # Shielded, since a device may need to be left in order also when time is up; bounded twice.
        with trio.CancelScope(shield=True):
            self.child.stdin.close()
            if not await self._wait_exit():
                self.child.kill(signal.SIGTERM)
                await self._wait_exit()
            self._listening.cancel()
            await self._listened.wait()
        await super()._release()

    async def _wait_exit(self) -> bool:
        with trio.move_on_after(_FAREWELL_LIMIT) as scope:
            await trio.lowlevel.wait_readable(self.child.exited)
        return not scope.cancelled_caught

    async def _log_errors(self) -> None:
        """Log what it writes to its standard error, line by line, until it is closed."""
        rest = b""
        with self._listening, contextlib.suppress(OSError):
            while True:
                await trio.lowlevel.wait_readable(self.child.stderr)
                if not (data := os.read(self.child.stderr.fileno(), _CHUNK)):
                    break
                *lines, rest = (rest + data).split(b"\n")
                # Whatever comes without an end of line, the rest stays short.
                if len(rest) >= _LINE_LIMIT:
                    lines, rest = [*lines, rest], b""
                self._log_lines(lines)
        with contextlib.suppress(OSError):
            rest += os.read(self.child.stderr.fileno(), _CHUNK)
        self._log_lines(rest.split(b"\n"))
        self._listened.set()

    def _log_lines(self, lines: Sequence[bytes]) -> None:
        pieces = (line[at : at + _LINE_LIMIT] for line in lines for at in range(0, len(line), _LINE_LIMIT))
        for piece in pieces:
            if text := piece.decode(errors="backslashreplace").rstrip():
                _log.warning("%s: %s", self.address, text)


def _start(address: ProcessAddress, undo: contextlib.ExitStack) -> _Child:
    """Start the program in a session of its own, so that a Ctrl-C for us is none for it."""
    try:
        process = subprocess.Popen(  # noqa: S603 - without a shell
            address.argv,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        undo.callback(_end, process)
        exited = os.pidfd_open(process.pid)
        undo.callback(os.close, exited)
        waiter = undo.enter_context(select.epoll())
    except OSError as error:
        raise _refusal(address, error) from error
    # All three were asked for.
    pipes = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", (process.stdin, process.stdout, process.stderr))
    for pipe in pipes:
        os.set_blocking(pipe.fileno(), False)
    for readable in (pipes[1].fileno(), exited):
        waiter.register(readable, select.EPOLLIN)
    return _Child(process, *pipes, exited, waiter)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of it, close the pipes, and reap it; blocks until that is done."""
    with process:
        _kill(process, signal.SIGKILL)


def _kill(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # Until it is reaped its group cannot be anybody else's; there may be nobody left in it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _refusal(address: ProcessAddress, error: OSError) -> LabtroupeError:
    """Return our error for what the operating system says."""
    program = address.argv[0]
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return DeviceAbsent(
                f"{address}: there is no program {program}", remedy="Install it, or correct its path."
            )
        case PermissionError():
            return ConfigError(
                f"{address}: {program} may not be run by this user",
                remedy=f"Make it a program: `chmod +x {program}`.",
            )
        case _:
            return LinkError(f"{address}: cannot run {program} ({error.strerror})")
