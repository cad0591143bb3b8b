"""Where a bench's own modules are looked for."""

from __future__ import annotations

import sys
from pathlib import Path


def make_importable_beside(file: str) -> None:
    """Let a bench's file name classes from modules in its own folder, as Python does for a script."""
    sys.path.insert(0, str(Path(file).resolve().parent))
