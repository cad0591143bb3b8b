"""What the fixtures of the plugin give to tests."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from labtroupe import sync
from labtroupe.actor import Actor
from labtroupe.bench import (
    Bench,
    BenchConfig,
    BenchSource,
    InstrumentConfig,
    load_bench,
    open_bench,
    requiring,
    simulated,
)
from labtroupe.sync import OpenBench
from labtroupe.testing._double import Double
from labtroupe.testing._doubled import doubled, made_of
from labtroupe.transport import SimAddress

A = TypeVar("A", bound=Actor)


@attrs.frozen
class MakeDouble:
    """Makes doubles that are verified when the test has ended: the fixture ``make_double``."""

    _made: list[Double[Any]]

    def __call__(self, stands_for: type[A], *, strict: bool = True, periodic: bool = False) -> Double[A]:
        """Return a new `Double` of a class."""
        double = Double(stands_for, strict=strict, periodic=periodic)
        self._made.append(double)
        return double


@attrs.frozen
class FakeBench:
    """Opens benches that touch no real device: the fixture ``fake_bench``."""

    _folder: Path
    _chance: random.Random

    def __call__(
        self,
        bench: BenchSource | Mapping[str, Double[Any]],
        doubles: Mapping[str, Double[Any]] | None = None,
        *,
        require: Collection[str] | None = (),
    ) -> FakeOpening:
        """Return a bench that runs for as long as the body of an ``async with``, or of a ``with``, lasts.

        Args:
            bench: What describes it, as for `open_bench`; or the text of a ``bench.toml`` itself; or
                all that is on it, if these are doubles, by name.
            doubles: What is in the places of instruments, by name.  In the places of the devices of
                all others are simulated ones, behind ports in memory: so they are in virtual time, too.
            require: Names of instruments that are required.

        Raises:
            LabtroupeError: Those of `open_bench`.
            UnknownInstrumentError: It has none of one of these names.
            TypeError: A double stands for another class than the instrument has.
        """
        config = _in_memory(simulated(doubled(self._described(bench), doubles or {})))
        return FakeOpening(requiring(config, require), self._chance)

    def _described(self, bench: BenchSource | Mapping[str, Double[Any]]) -> BenchConfig:
        if isinstance(bench, Mapping):
            return made_of(bench)
        if isinstance(bench, str) and "\n" in bench:
            file = self._folder / "bench.toml"
            file.write_text(bench)
            bench = file
        return load_bench(bench)


@attrs.define(eq=False)
class FakeOpening(AbstractAsyncContextManager[Bench], AbstractContextManager[OpenBench]):
    """A bench that touches no real device, opened by ``async with``; by ``with``, for a blocking script.

    The latter runs in a thread of its own, as that of `labtroupe.sync.open_bench`, and so in real time.
    """

    _config: BenchConfig
    _chance: random.Random
    _exits: AsyncExitStack = attrs.field(factory=AsyncExitStack, init=False)
    _blocking: ExitStack = attrs.field(factory=ExitStack, init=False)

    async def __aenter__(self) -> Bench:
        """Open it."""
        return await self._exits.enter_async_context(open_bench(self._config, chance=self._chance))

    async def __aexit__(self, *raised: Any) -> bool | None:  # noqa: ANN401, PYI036 - handed on
        """Close it."""
        return await self._exits.__aexit__(*raised)

    def __enter__(self) -> OpenBench:
        """Open it in a thread of its own.

        Raises:
            RuntimeError: This is a test that trio runs.
        """
        if trio.lowlevel.in_trio_run():
            raise RuntimeError("trio runs this test, and a blocking bench holds it up; write `async with`")
        return self._blocking.enter_context(sync.open_bench(self._config))

    def __exit__(self, *raised: Any) -> bool | None:  # noqa: ANN401, PYI036 - handed on
        """Close it, and wait until it is."""
        return self._blocking.__exit__(*raised)


def _in_memory(config: BenchConfig) -> BenchConfig:
    """Return a bench whose simulated devices have ports in memory, so that it can be in virtual time."""
    return attrs.evolve(config, instruments=tuple(map(_port_in_memory, config.instruments)))


def _port_in_memory(config: InstrumentConfig) -> InstrumentConfig:
    if not isinstance(config.address, SimAddress):
        return config
    options = {**config.address.options, "via": "memory"}
    return attrs.evolve(config, address=config.address.with_options(options))
