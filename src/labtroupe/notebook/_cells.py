"""What cells do with benches: set one up, again and again, and stop it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import attrs

from labtroupe.bench import BenchSource, load_bench, simulated
from labtroupe.errors import BenchError
from labtroupe.sync import OpenBench, open_bench, opened
from labtroupe.transport import claims


@attrs.frozen
class Owned:
    """A bench that this kernel runs, and who has it.

    Attributes:
        bench: Its name.
        file: The file that describes it.
        thread: The name of the thread that owns it.
        ports: The ports that its instruments hold.
    """

    bench: str
    file: str
    thread: str
    ports: tuple[str, ...]


def setup(
    bench: BenchSource,
    *,
    simulate: bool = False,
    await_required: bool = True,
    reopen: bool = False,
) -> OpenBench:
    """Run a bench in a thread of its own, or return the one that runs already.

    So a cell can be run again, whatever has become of the name it gave to the bench.  The bench
    runs until `stop`, to the end of ``with setup(...) as bench:``, or to the end of the kernel.
    One that has failed is opened anew, and the log says why it had.

    Args:
        bench: What describes it: a file, a module, a `BenchSpec`, or what has been read from one.
        simulate: Put a simulated device in place of each real one, and ``.sim`` after its name.
        await_required: Return at once if false, to watch the required instruments start.
        reopen: If it runs already, stop it and open it anew.

    Raises:
        ConfigError: The file has mistakes; the error names all of them.
        BenchError: It runs already, and its file has changed since; another process runs a bench
            of this name; or nobody can say what is halted.
        RestartLimitError: A required instrument did not start; all has been closed.
    """
    config = simulated(load_bench(bench)) if simulate else load_bench(bench)
    found = _running(config.name)
    if found is None:
        return open_bench(config, await_required=await_required)
    if reopen:
        found.close()
        return open_bench(config, await_required=await_required)
    # As a cell names it, the path may be relative.
    if attrs.evolve(config, path=found.running.config.path) != found.running.config:
        raise BenchError(
            f"the bench {config.name} runs as it was described before, and {config.path} says otherwise now",
            remedy="Say setup(..., reopen=True) to stop it and open it anew.",
        )
    return found


def _running(name: str) -> OpenBench | None:
    """Return a bench that was not told to stop, and has not failed either."""
    found = opened().get(name)
    return None if found is None or found.owner.told or found.owner.ended else found


def stop(name: str | None = None) -> None:
    """Stop a bench in order, or all that this kernel runs, and wait until all is closed.

    Args:
        name: Which; it does no harm if it does not run.

    Raises:
        BenchError: An instrument did not stop.
        RestartLimitError: Restarting a critical instrument had not helped, now or since it was set up.
    """
    # What goes wrong with one keeps none of the others open.
    with ExitStack() as stack:
        for each, bench in opened().items():
            if name in {None, each}:
                stack.callback(bench.close)


def owners() -> Sequence[Owned]:
    """Return the benches that this kernel runs, and who has them."""
    return [_owned(each) for each in opened().values() if not each.owner.ended]


def _owned(bench: OpenBench) -> Owned:
    config = bench.running.config
    names = {each.name for each in config.instruments}
    ports = tuple(port for port, holder in claims().items() if holder in names)
    return Owned(config.name, str(config.path.absolute()), bench.owner.thread_name, ports)
