"""``labtroupe run``: a bench in the foreground, until a signal stops it in order."""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from types import FrameType
from typing import Final, NoReturn, Self, TextIO

import attrs
import click
import trio

from labtroupe.bench import Bench, BenchConfig, load_bench, open_bench, requiring, simulated
from labtroupe.cli._event_line import EventLines
from labtroupe.cli._exit_codes import FAILED, INTERRUPTED, OK
from labtroupe.cli._modules import make_importable_beside
from labtroupe.cli._output import wants_colour
from labtroupe.client import make_socket_path
from labtroupe.control import Service, open_listener, serve
from labtroupe.errors import LabtroupeError
from labtroupe.lifecycle import State
from labtroupe.messages import CleanupFailed, StateChanged
from labtroupe.supervision import Member, stack_of
from labtroupe.transport import claims

# What a pipe takes without blocking if it takes anything (POSIX: PIPE_BUF).
_CHUNK: Final = select.PIPE_BUF
# Seconds that whoever reads our output has for the first lines and for the last.
_PATIENCE: Final = 1.0


@click.command()
@click.argument("file", metavar="BENCH")
@click.option(
    "--wedged",
    type=click.Choice(["wait", "leave"]),
    default="leave",
    show_default=True,
    help="What to do at the end about instruments that do not stop: wait for them, or leave the process.",
)
@click.option("--simulate", is_flag=True, help="Put a simulated device in place of each real one.")
@click.option(
    "--require", metavar="NAME,...", default="", help="End unless these start, whatever the file says."
)
@click.option("--require-all", is_flag=True, help="End unless all of them start.")
def run(file: str, wedged: str, *, simulate: bool, require: str, require_all: bool) -> int:
    """Run a bench, and print what happens, until it is stopped.

    BENCH is what describes it: a bench.toml, or a file such as bench.py or a module such as
    package.module with a BenchSpec in it; of several, bench.py:NAME says which.

    Ctrl-C or SIGTERM stop its instruments in order; a second one leaves at once.
    """
    make_importable_beside(file)
    config = load_bench(file)
    config = simulated(config) if simulate else config
    config = requiring(config, None if require_all else [name.strip() for name in require.split(",") if name])
    return trio.run(_run, config, wedged == "leave")


async def _run(config: BenchConfig, leaves_wedged: bool) -> int:  # noqa: FBT001 - trio.run passes by position
    run = _Run(config, _Screen.on(sys.stdout), leaves_wedged)
    # Both from before the first port is opened until the last is closed.
    with (
        open_listener(make_socket_path(config.name)) as listener,
        trio.open_signal_receiver(*_ending_signals()) as signals,
    ):
        return await run.until_stopped(listener, signals)


def _ending_signals() -> list[signal.Signals]:
    """Return the signals that end a run; not the one that `nohup` has switched off."""
    signals = [signal.SIGINT, signal.SIGTERM]
    return signals if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [*signals, signal.SIGHUP]


@attrs.define(eq=False)
class _Run:
    """One run of a bench.

    Attributes:
        config: What its file says.
        screen: Where to print.
        leaves_wedged: Leave the process when only such are left as do not stop.
        bench: It, once it is open.
        told: Its last event has been printed.
        scope: What a signal cancels.
        ended_by: The signal that ended it.
        ended_at: When its stop began, on trio's clock.
    """

    config: BenchConfig
    screen: _Screen
    leaves_wedged: bool
    bench: Bench | None = attrs.field(default=None, init=False)
    told: trio.Event = attrs.field(factory=trio.Event, init=False)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    ended_by: int | None = attrs.field(default=None, init=False)
    ended_at: float = attrs.field(default=0.0, init=False)

    async def until_stopped(self, listener: trio.SocketListener, signals: AsyncIterator[int]) -> int:
        """Run it, and return what to exit with.

        Raises:
            LabtroupeError: It failed; its instruments have been stopped.
        """
        failure: LabtroupeError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_signal, signals)
            try:
                with self.scope:
                    await self._keep_open(nursery, listener)
            except LabtroupeError as error:
                failure = error
            nursery.cancel_scope.cancel("the bench has stopped")
        if failure is not None:
            # Outside the nursery, which would wrap it in a group.
            raise failure
        return INTERRUPTED if self.ended_by == signal.SIGINT else OK

    async def _keep_open(self, nursery: trio.Nursery, listener: trio.SocketListener) -> None:
        with trio.move_on_after(_PATIENCE):
            await self.screen.print(_greeting(self.config))

        def on_wedged(members: Sequence[Member]) -> None:
            if self.leaves_wedged:
                nursery.start_soon(self._leave_without, members)

        try:
            async with open_bench(self.config, await_required=False, on_wedged=on_wedged) as self.bench:
                nursery.start_soon(self._print_events, self.bench)
                try:
                    await self._serve(self.bench.service, listener)
                finally:
                    self.ended_at = trio.current_time()
        finally:
            # Shielded, because we are mostly called while being cancelled.
            with trio.CancelScope(relative_deadline=_PATIENCE, shield=True):
                await self._say_farewell()

    async def _say_farewell(self, wedged: Sequence[Member] = ()) -> None:
        if self.bench is None:
            await self.screen.print(f"{self.config.name}: stopped before it had started")
        else:
            self.bench.service.feed.close()
            await self.told.wait()
            elapsed = trio.current_time() - self.ended_at
            left = {member.spec.name for member in wedged}
            await self.screen.print(await _farewell(self.bench, elapsed, left))

    async def _leave_without(self, wedged: Sequence[Member]) -> None:
        """Leave the process, as nothing else ends what does not stop; all others have been stopped."""
        text = _wedged_text(wedged)
        with trio.move_on_after(_PATIENCE):
            await self._say_farewell(wedged)
        with trio.move_on_after(_PATIENCE):
            await _Screen.on(sys.stderr).print(text)
        os._exit(FAILED)

    async def _wait_signal(self, signals: AsyncIterator[int]) -> None:
        self.ended_by = await anext(signals)
        # Not by this task: the next one must be heard also where an instrument's
        # code holds up the loop.
        signal.signal(signal.SIGINT, _leave_at_once)
        signal.signal(signal.SIGTERM, _leave_at_once)
        # When a terminal is closed this comes twice, from the kernel and from the shell.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.scope.cancel(signal.Signals(self.ended_by).name)

    async def _serve(self, service: Service, listener: trio.SocketListener) -> None:
        """Answer until cancelled, and say who is connected as soon as each has been tried."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, service, listener)
            await self.screen.print(str(await service.connecting.wait_first_starts()))

    async def _print_events(self, bench: Bench) -> None:
        lines = EventLines(wants_colour(), max(len(each.name) for each in self.config.instruments))
        async with aclosing(bench.service.feed.read(follow=True)) as events:
            async for each in events:
                line = lines.line(
                    kind=each.kind, text=each.text, instrument=each.instrument, moment=each.time
                )
                await self.screen.print(line)
        self.told.set()


@attrs.define(eq=False)
class _Screen:
    """Standard output, or standard error, for a program that must not wait for it.

    Python's own would block all tasks while a terminal is paused with Ctrl-S or
    a pipe is full, and raise when its reader has gone.

    Attributes:
        fd: Where it is, ``None`` where the process has none.
    """

    fd: int | None
    # Only one task may wait for room at a time.
    _turn: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    @classmethod
    def on(cls, stream: TextIO | None) -> Self:
        """Return the screen on one of the standard streams, ``None`` if the process was started without it.

        Its number may belong to a device's port then.
        """
        return cls(None if stream is None else stream.fileno())

    async def print(self, text: str) -> None:
        """Write lines as soon as there is room; what nobody can read is dropped."""
        data = f"{text}\n".encode(errors="backslashreplace")
        async with self._turn:
            while data and self.fd is not None:
                await self._wait_room(self.fd)
                try:
                    data = data[os.write(self.fd, data[:_CHUNK]) :]
                except BlockingIOError:
                    continue
                except OSError:
                    return

    async def _wait_room(self, fd: int) -> None:
        try:
            await trio.lowlevel.wait_writable(fd)
        except OSError as error:
            # A file, which always has room.
            if error.errno != errno.EPERM:
                raise
            await trio.lowlevel.checkpoint()


def _greeting(config: BenchConfig) -> str:
    names = ", ".join(
        f"{each.name} (sim)" if config.is_simulated(each) else each.name for each in config.instruments
    )
    first = config.instruments[0].name
    return (
        f"{config.name}: runs {names}; Ctrl-C stops it in order\n"
        f"From another shell: labtroupe status, labtroupe show {first}, labtroupe events --follow"
    )


async def _farewell(bench: Bench, elapsed: float, left: set[str]) -> str:
    """Return the last line: whether all has been stopped and closed, save those left, in so many seconds."""
    stopping, unclosed = set[str](), set[str]()
    async for event in bench.service.feed.read(follow=False):
        if isinstance(event, CleanupFailed):
            unclosed.add(event.instrument)
        elif isinstance(event, StateChanged):
            (stopping.add if event.after is State.STOPPING else stopping.discard)(event.instrument)
            if event.after is State.RUNNING:
                # It was opened again, so nothing of its life before holds the port.
                unclosed.discard(event.instrument)
    if names := ", ".join(sorted(stopping | unclosed | left)):
        return f"{bench.name}: stopped in {elapsed:.1f} s, but not closed properly: {names}"
    return f"{bench.name}: stopped in order in {elapsed:.1f} s, all ports closed"


def _wedged_text(wedged: Sequence[Member]) -> str:
    names = {member.spec.name for member in wedged}
    lines = [f"labtroupe: left without {', '.join(sorted(names))}: told to stop, and does not"]
    lines += [
        f"  {port} stays claimed until this process has ended"
        for port, holder in claims().items()
        if holder in names
    ]
    lines += [f"  it is here:\n{stack_of(member.task)}" for member in wedged if member.task is not None]
    return "\n".join(lines)


def _leave_at_once(_number: int, _frame: FrameType | None) -> NoReturn:
    with suppress(OSError):
        os.write(2, b"labtroupe: left at once; what was not stopped yet was left as it is\n")
    os._exit(INTERRUPTED)
