"""How much stress: ``LABTROUPE_STRESS=20 pytest -m slow tests/stress`` is twenty times the usual."""

from __future__ import annotations

import os
from typing import Final

SCALE: Final = float(os.environ.get("LABTROUPE_STRESS", "1"))
"""How many times the usual."""

SEED: Final = int(os.environ.get("LABTROUPE_SEED", "0"))
"""Where the seeds begin; other ones are other moments."""


def scaled(usual: int) -> int:
    """Return a number of things to do."""
    return max(1, round(usual * SCALE))
