"""From bench.toml to a running bench."""

from __future__ import annotations

from labtroupe.bench._bench import Bench
from labtroupe.bench._config import BenchConfig, GroupConfig, InstrumentConfig, load_bench
from labtroupe.bench._mistakes import BenchConfigError, Mistake
from labtroupe.bench._open import open_bench
from labtroupe.bench._requiring import requiring
from labtroupe.bench._simulated_bench import simulated

__all__ = [
    "Bench",
    "BenchConfig",
    "BenchConfigError",
    "GroupConfig",
    "InstrumentConfig",
    "Mistake",
    "load_bench",
    "open_bench",
    "requiring",
    "simulated",
]
