"""A bench that this process runs itself, in a thread of its own."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from labtroupe import bench as trio_bench
from labtroupe.bench import BenchSource, load_bench, simulated
from labtroupe.sync._bench import refuse_in_trio
from labtroupe.sync._crossing import Crossing
from labtroupe.sync._inside import Inside
from labtroupe.sync._owner import Owner


class OpenBench(Inside):
    """A bench that this process runs: until it is closed, at the end of a ``with`` or by `close`.

    Attributes:
        owner: The thread that runs it.
    """

    def __init__(self, bench: trio_bench.Bench, crossing: Crossing, owner: Owner) -> None:
        super().__init__(bench, crossing)
        self.owner = owner

    def close(self) -> None:
        """Stop its instruments in order, and wait until all is closed; to do it twice does no harm.

        Raises:
            BenchError: An instrument did not stop.
            RestartLimitError: Restarting a critical instrument had not helped.
        """
        refuse_in_trio()
        self.owner.stop()
        if (failure := self._take_failure()) is not None:
            raise failure

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it; what the body raised goes on."""
        if error is None:
            self.close()
            return
        self.owner.stop()
        if (failure := self._take_failure()) not in {None, error}:
            error.add_note(f"Meanwhile the bench failed: {failure}")

    def _take_failure(self) -> BaseException | None:
        """Return what went wrong, once."""
        failure, self.owner.failure = self.owner.failure, None
        return failure


# By name: those that may still run, and some that have ended.
_benches: Final[dict[str, OpenBench]] = {}


def open_bench(bench: BenchSource, *, simulate: bool = False, await_required: bool = True) -> OpenBench:
    """Run a bench in this process, in a thread of its own, until it is closed.

    Best in a ``with``: then its instruments are stopped in order and their ports closed by whatever
    way the body is left, Ctrl-C included.  What is still open at the end of the process is closed then.

    It returns when all required instruments are running; the others may still be starting, and what is
    asked of them waits.  The command line finds the bench like one of ``labtroupe run``.

    Args:
        bench: What describes it: a file, a module, a `BenchSpec`, or what has been read from one.
        simulate: Put a simulated device in place of each real one, and ``.sim`` after its name.
        await_required: Return at once if false, to watch the required ones start.

    Raises:
        ConfigError: The file has mistakes; the error names all of them.
        BenchError: A bench of this name runs already, or nobody can say what is halted.
        RestartLimitError: A required one did not start; all has been closed.
    """
    refuse_in_trio()
    config = simulated(load_bench(bench)) if simulate else load_bench(bench)
    _wait_for_last(config.name)

    def note(bench: trio_bench.Bench, crossing: Crossing) -> None:
        # At once, for Ctrl-C may keep the caller from getting it.
        _benches[config.name] = OpenBench(bench, crossing, owner)

    owner = Owner(config, await_required, note)
    owner.start()
    if (failure := owner.failure) is not None:
        raise failure
    return _benches[config.name]


def opened() -> Mapping[str, OpenBench]:
    """Return the benches that this process runs by `open_bench`, by name."""
    return {
        name: bench for name, bench in list(_benches.items()) if not (bench.owner.told or bench.owner.ended)
    }


def _wait_for_last(name: str) -> None:
    """Wait for a bench of this name that was told to stop, whose caller did not wait."""
    last = _benches.get(name)
    if last is not None and last.owner.told:
        last.owner.stop()
