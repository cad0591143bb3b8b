"""The same with pykka: a thread for each actor, a future for each reply."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter, process_time
from typing import Any

from ._cores import unpinned
from ._harness import Missing

CALLERS = 100
OUTSTANDING = 100
ACTORS = 1_000


@contextmanager
def _actors(count: int = 1) -> Generator[list[Any]]:
    """Run so many actors; yields their refs, whose class is known only where pykka is."""
    if find_spec("pykka") is None:
        raise Missing("pykka is not installed; `pip install -e '.[benchmarks]'` does it")
    pykka: Any = importlib.import_module("pykka")

    def on_receive(_: object, message: object) -> int:
        return 0

    actor_type: Any = type("PykkaActor", (pykka.ThreadingActor,), {"on_receive": on_receive})
    try:
        yield [actor_type.start() for _ in range(count)]
    finally:
        pykka.ActorRegistry.stop_all()


def _per_ask(work: Callable[[], object], count: int, clock: Callable[[], float] = process_time) -> float:
    began = clock()
    work()
    return (clock() - began) / count


def _gather(refs: list[Any], times: int) -> None:
    for _ in range(times):
        futures = [ref.ask(0, block=False) for ref in refs]
        for future in futures:
            future.get()


def ask_pykka(count: int, clock: Callable[[], float] = process_time) -> float:
    """One caller."""
    with _actors() as (ref,):
        return _per_ask(lambda: [ref.ask(0) for _ in range(count)], count, clock)


def ask_pykka_unpinned(count: int) -> float:
    """One caller, and the threads wherever the system puts them: what counts is how long that takes."""
    with unpinned():
        return ask_pykka(count, perf_counter)


def call_pykka(count: int) -> float:
    """A hundred callers, each in a thread."""

    def caller(_: int) -> None:
        for _ in range(count // CALLERS):
            ref.ask(0)

    with _actors() as (ref,), ThreadPoolExecutor(CALLERS) as threads:
        return _per_ask(lambda: list(threads.map(caller, range(CALLERS))), count)


def gather_pykka(count: int) -> float:
    """A hundred futures at a time."""
    with _actors() as (ref,):
        return _per_ask(lambda: _gather([ref] * OUTSTANDING, count // OUTSTANDING), count)


def gather_pykka_actors(count: int) -> float:
    """A thousand actors, each with a thread."""
    with _actors(min(ACTORS, count)) as refs:
        return _per_ask(lambda: _gather(refs, count // len(refs)), count)


def tell_pykka(count: int) -> float:
    """No answers but the last."""
    with _actors() as (ref,):

        def work() -> None:
            for _ in range(count):
                ref.tell(0)
            ref.ask(0)

        return _per_ask(work, count)
