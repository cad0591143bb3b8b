"""Benches for notebooks: set up in one cell and stopped in another, one owner for each."""

from __future__ import annotations

from labtroupe.notebook._cells import Owned, owners, setup, stop

__all__ = ["Owned", "owners", "setup", "stop"]
