"""The table from errors to exit codes, row by row."""

from __future__ import annotations

import pytest

from labtroupe import control, errors
from labtroupe.cli._exit_codes import EXIT_CODES, exit_code
from labtroupe.errors import CommandError, CommandTimeout, LabtroupeError, Outcome

CLASSES = [
    each
    for module in (errors, control)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, LabtroupeError)
]

# As docs/reference/command-line.md has them.
ROWS = {
    "error": 1,
    "command-failed": 1,
    "bad-argument": 2,
    "unknown-command": 4,
    "unknown-instrument": 4,
    "refused": 1,
    "no-answer": 5,
    "timeout": 5,
    "cancelled": 5,
    "crashed": 5,
    "mailbox-full": 6,
    "not-running": 6,
    "halted": 6,
    "not-connected": 3,
    "deadlock": 1,
    "leased": 6,
    "quarantined": 6,
    "wrong-state": 6,
    "too-many-children": 6,
    "not-simulated": 6,
    "restarted": 6,
    "link": 1,
    "unavailable": 1,
    "absent": 1,
    "wrong-device": 1,
    "link-lost": 1,
    "silent": 1,
    "port-in-use": 1,
    "protocol": 1,
    "start-timeout": 1,
    "missed-tick": 1,
    "config": 2,
    "bench": 3,
    "restart-limit": 1,
    "channel-closed": 1,
    "run-log": 1,
    "run-abandoned": 1,
    "internal": 5,
}


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_each_error_has_its_exit_code(error: type[LabtroupeError]) -> None:
    assert exit_code(error("it went wrong")) == ROWS[error.code]


def test_the_table_has_a_row_for_each_error_and_no_other() -> None:
    assert set(EXIT_CODES) == {error.code for error in CLASSES} | {"usage"}


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_an_unknown_outcome_exits_with_5_whatever_failed(error: type[LabtroupeError]) -> None:
    """R3: a script must know that the device may have acted."""
    failed = error("it went wrong")
    failed.outcome = Outcome.UNKNOWN

    assert exit_code(failed) == 5


def test_a_timeout_exits_with_5_also_where_nothing_was_sent() -> None:
    error = CommandTimeout("too late")
    error.outcome = Outcome.NOT_SENT

    assert exit_code(error) == 5


def test_an_error_of_a_users_own_has_just_failed() -> None:
    class JammedError(CommandError):
        code = "jammed"

    assert exit_code(JammedError("the feeder is jammed")) == 1
