"""The command line: a client of a running bench, and the way to run one."""

from __future__ import annotations

from labtroupe.cli._main import main

__all__ = ["main"]
