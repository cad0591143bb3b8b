"""From the description of a bench, in TOML or in Python, to a running one."""

from __future__ import annotations

from labtroupe.bench._bench import Bench
from labtroupe.bench._bench_spec import BenchSpec, InstrumentFactory
from labtroupe.bench._config import BenchConfig, GroupConfig, InstrumentConfig
from labtroupe.bench._driver import find_driver
from labtroupe.bench._instrument_spec import InstrumentSpec
from labtroupe.bench._load import BenchSource, load_bench
from labtroupe.bench._mistakes import BenchConfigError, Mistake
from labtroupe.bench._open import open_bench
from labtroupe.bench._requiring import requiring
from labtroupe.bench._simulated_bench import simulated

__all__ = [
    "Bench",
    "BenchConfig",
    "BenchConfigError",
    "BenchSource",
    "BenchSpec",
    "GroupConfig",
    "InstrumentConfig",
    "InstrumentFactory",
    "InstrumentSpec",
    "Mistake",
    "find_driver",
    "load_bench",
    "open_bench",
    "requiring",
    "simulated",
]
