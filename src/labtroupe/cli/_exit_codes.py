"""What the command line exits with: one table, from an error's code to a number."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from labtroupe.errors import LabtroupeError, Outcome

OK: Final = 0
FAILED: Final = 1
"""The command failed, or the device refused it."""
USAGE: Final = 2
"""The command line, a value or the bench's file is wrong."""
NO_BENCH: Final = 3
"""No bench is running, or not all of its instruments are."""
NOT_FOUND: Final = 4
"""There is no such instrument or command."""
UNKNOWN_OUTCOME: Final = 5
"""A timeout, or nobody knows whether the device has acted."""
REFUSED_BY_STATE: Final = 6
"""The state of the instrument does not allow it now."""
INTERRUPTED: Final = 130
"""Ctrl-C, as shells count it: 128 and the number of the signal."""

EXIT_CODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "error": FAILED,
        "command-failed": FAILED,
        "bad-argument": USAGE,
        "unknown-command": NOT_FOUND,
        "unknown-instrument": NOT_FOUND,
        "refused": FAILED,
        "no-answer": FAILED,
        "timeout": UNKNOWN_OUTCOME,
        "cancelled": FAILED,
        "crashed": FAILED,
        "mailbox-full": REFUSED_BY_STATE,
        "not-running": REFUSED_BY_STATE,
        "halted": REFUSED_BY_STATE,
        "not-connected": NO_BENCH,
        "deadlock": FAILED,
        "leased": REFUSED_BY_STATE,
        "quarantined": REFUSED_BY_STATE,
        "wrong-state": REFUSED_BY_STATE,
        "too-many-children": REFUSED_BY_STATE,
        "not-simulated": REFUSED_BY_STATE,
        "restarted": REFUSED_BY_STATE,
        "link": FAILED,
        "unavailable": FAILED,
        "absent": FAILED,
        "wrong-device": FAILED,
        "link-lost": FAILED,
        "silent": FAILED,
        "port-in-use": FAILED,
        "protocol": FAILED,
        "start-timeout": FAILED,
        "missed-tick": FAILED,
        "config": USAGE,
        "bench": NO_BENCH,
        "restart-limit": FAILED,
        "channel-closed": FAILED,
        "run-log": FAILED,
        "run-abandoned": FAILED,
        "internal": FAILED,
        "usage": USAGE,
    }
)


def exit_code(error: LabtroupeError) -> int:
    """Return what to exit with after an error; one with a code of its own has just failed."""
    if error.outcome is Outcome.UNKNOWN:
        return UNKNOWN_OUTCOME
    return EXIT_CODES.get(error.code, FAILED)
