"""A bench that a blocking script runs itself."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from labtroupe.bench import BenchConfig, load_bench, simulated
from labtroupe.sync._bench import Bench, refuse_in_trio
from labtroupe.sync._owner import Owner


@contextmanager
def open_bench(
    bench: str | Path | BenchConfig, *, simulate: bool = False, await_required: bool = True
) -> Generator[Bench]:
    """Run a bench in this process, in a thread of its own, for as long as the body lasts.

    The body begins when all required instruments are running; the others may still be starting,
    and what is asked of them waits.  On the way out, by whatever way, Ctrl-C included, the instruments
    are stopped in order and their ports closed.  Meanwhile the command line finds the bench
    like one of `labtroupe run`: ``labtroupe status``, ``labtroupe halt --all``.

    Args:
        bench: The file that describes it, or what has been read from one.
        simulate: Put a simulated device in place of each real one, and ``.sim`` after its name.
        await_required: Begin the body at once if false, to watch the required ones start.

    Raises:
        ConfigError: The file has mistakes; the error names all of them.
        BenchError: A bench of this name runs already, nobody can say what is halted, or an
            instrument did not stop.
        RestartLimitError: A required one did not start, or restarting a critical one did not help.
    """
    refuse_in_trio()
    owner = Owner(load(bench, simulate=simulate), await_required)
    try:
        yield owner.start()
    except BaseException as error:
        owner.stop()
        if owner.failure not in {None, error}:
            error.add_note(f"Meanwhile the bench failed: {owner.failure}")
        raise
    owner.stop()
    if owner.failure is not None:
        raise owner.failure


def load(bench: str | Path | BenchConfig, *, simulate: bool) -> BenchConfig:
    """Read a bench's file where it is one, and simulate its devices where that is wanted."""
    config = bench if isinstance(bench, BenchConfig) else load_bench(bench)
    return simulated(config) if simulate else config
