"""A bench that this process runs itself, in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from labtroupe import bench as trio_bench
from labtroupe.bench import BenchSource, load_bench, simulated
from labtroupe.errors import BenchError
from labtroupe.sync._bench import refuse_in_trio
from labtroupe.sync._crossing import Crossing
from labtroupe.sync._inside import Inside
from labtroupe.sync._owner import Owner

_log: Final = logging.getLogger(__name__)


class OpenBench(Inside):
    """A bench that this process runs: until it is closed, at the end of a ``with`` or by `close`.

    Attributes:
        owner: The thread that runs it.
    """

    def __init__(self, bench: trio_bench.Bench, crossing: Crossing, owner: Owner) -> None:
        super().__init__(bench, crossing)
        self.owner = owner
        self._failure_told = False

    @property
    def closed(self) -> bool:
        """Whether all of it is closed, and what went wrong has been told."""
        return self.owner.ended and (self._failure_told or self.owner.failure is None)

    def close(self) -> None:
        """Stop its instruments in order, and wait until all is closed; to do it twice does no harm.

        Raises:
            BenchError: An instrument did not stop.
            RestartLimitError: Restarting a critical instrument had not helped.
        """
        refuse_in_trio()
        if (failure := self._end()) is not None:
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
        failure = self._end()
        if failure is not None and failure is not error:
            error.add_note(f"Meanwhile the bench failed: {failure}")

    def _end(self) -> BaseException | None:
        """Close it, and return what went wrong: to all who wait for the end, and to nobody after them."""
        told = self._failure_told
        self.owner.stop()
        if told or self.owner.failure is None:
            return None
        self._failure_told = True
        return self.owner.failure


# By name: those that are not closed, and some that are.
_benches: Final[dict[str, OpenBench]] = {}


def open_bench(bench: BenchSource, *, simulate: bool = False, await_required: bool = True) -> OpenBench:
    """Run a bench in this process, in a thread of its own, until it is closed.

    Best in a ``with``: then its instruments are stopped in order and their ports closed by whatever
    way the body is left, Ctrl-C included.  What is still open at the end of the process is closed then.

    It returns when all required instruments are running; the others may still be starting, and what is
    asked of them waits.  The command line finds the bench like one of ``labtroupe run``.

    If the last one of its name has failed, and nobody has closed it and been told, the log says so.

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
    _close_last(config.name)

    def note(bench: trio_bench.Bench, crossing: Crossing) -> None:
        # At once, for Ctrl-C may keep the caller from getting it.
        _benches[config.name] = OpenBench(bench, crossing, owner)

    owner = Owner(config, await_required, note)
    owner.start()
    made = _benches.get(config.name)
    if made is None or made.owner is not owner:
        raise owner.failure or BenchError(
            f"the bench {config.name} was told to stop while it opened", remedy="Open it again."
        )
    return made


def opened() -> Mapping[str, OpenBench]:
    """Return the benches that `open_bench` has opened in this process and that are not closed, by name.

    Those too that have ended by themselves, until somebody closes them and is told why.
    """
    return {name: bench for name, bench in list(_benches.items()) if not bench.closed}


def _close_last(name: str) -> None:
    """Wait for the last bench of this name to end, if nobody else did, and log why it failed."""
    last = _benches.get(name)
    if last is None or not (last.owner.told or last.owner.ended):
        return
    try:
        last.close()
    except Exception as failure:  # noqa: BLE001 - whatever has ended it
        _log.warning("the bench %s, opened anew now, had failed: %s", name, failure)
