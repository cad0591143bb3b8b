"""All rows, in the order in which they are measured."""

from __future__ import annotations

from typing import Final

from . import _asking, _deadlines, _halting, _instructions, _lives, _starting, _threads, _watching, _wire
from ._harness import Row

_MODULES: Final = (
    _asking,
    _deadlines,
    _lives,
    _watching,
    _threads,
    _wire,
    _halting,
    _starting,
    _instructions,
)

ROWS: Final[dict[str, Row]] = {row.name: row for module in _MODULES for row in module.ROWS}
"""Each by its name."""
