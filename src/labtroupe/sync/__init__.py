"""A bench for scripts without trio: plain calls that block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labtroupe.lazy import lazy
from labtroupe.sync._attached import attach
from labtroupe.sync._bench import Bench
from labtroupe.sync._instrument import Instrument

if TYPE_CHECKING:
    from labtroupe.sync._crossing import Crossing
    from labtroupe.sync._inside import Inside, facing
    from labtroupe.sync._opened import OpenBench, open_bench, opened

__all__ = [
    "Bench",
    "Crossing",
    "Inside",
    "Instrument",
    "OpenBench",
    "attach",
    "facing",
    "open_bench",
    "opened",
]

# Imported on first use, as they need trio, and to attach to a bench takes none.
_HOMES = {
    "Crossing": "_crossing",
    "Inside": "_inside",
    "OpenBench": "_opened",
    "facing": "_inside",
    "open_bench": "_opened",
    "opened": "_opened",
}

__getattr__ = lazy(__name__, _HOMES)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
