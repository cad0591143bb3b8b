"""A history carried out, and held against every rule."""

from __future__ import annotations

from typing import Final

from . import _rules_of_halts, _rules_of_lives, _rules_of_requests
from ._code import as_code
from ._facts import Facts
from ._play import play
from ._record import Record
from ._script import History

# Notes that an error shows.
_SHOWN: Final = 500

RULES = [*_rules_of_requests.RULES, *_rules_of_lives.RULES, *_rules_of_halts.RULES]


def violations(record: Record) -> list[str]:
    """Return all that is wrong with a record; one that has not come to its end says only that."""
    if record.violations:
        return record.violations
    facts = Facts(record)
    return [text for rule in RULES for text in rule(facts)]


def check(history: History) -> None:
    """Carry out a history, and raise unless every rule was kept; the error has the script and the record."""
    record = play(history)
    if wrong := violations(record):
        # One that does not end has no end of notes.
        notes = str(record).splitlines()[:_SHOWN]
        parts = [wrong, [str(history)], ["Record:", *notes], [f"Again: check({as_code(history)})"]]
        raise AssertionError("\n\n".join("\n".join(part) for part in parts))
