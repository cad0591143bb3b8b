"""Errors on standard error: a sentence and a remedy for people, the same as JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from labtroupe.cli._exit_codes import NOT_FOUND, USAGE, exit_code
from labtroupe.cli._printable import printable
from labtroupe.errors import LabtroupeError, Outcome, sentence

_IN_WORDS: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        Outcome.NOT_SENT: "not sent (nothing has reached the device)",
        Outcome.DONE: "done (the device has carried it out)",
        Outcome.REFUSED: "refused (the device said no)",
        Outcome.UNKNOWN: "unknown (the device may have acted)",
    }
)


class UsageError(LabtroupeError):
    """The command line is wrong."""

    code = "usage"


def usage_error(error: click.ClickException) -> UsageError:
    """Return click's error in the words of ours."""
    text = error.format_message().rstrip(".").replace(". Did you mean", "; did you mean")
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "labtroupe"
    return UsageError(text[:1].lower() + text[1:], remedy=f"`{path} --help` says what can be written.")


def report(error: LabtroupeError, *, as_json: bool) -> int:
    """Print an error on standard error, and return what to exit with."""
    print(_as_json(error) if as_json else _as_text(error), file=sys.stderr)
    return exit_code(error)


def _as_text(error: LabtroupeError) -> str:
    first, *more = str(error).splitlines() or [""]
    lines = [f"labtroupe: {first}", *more]
    # Where nothing could be asked there is no outcome to tell.
    if error.outcome is not None and exit_code(error) not in {USAGE, NOT_FOUND}:
        lines.append(f"outcome: {_IN_WORDS[error.outcome]}")
    if error.remedy:
        lines.append(error.remedy)
    return "\n  ".join(map(printable, lines))


def _as_json(error: LabtroupeError) -> str:
    body = {
        "code": error.code,
        "message": sentence(error),
        "remedy": error.remedy,
        "instrument": error.instrument,
        "outcome": error.outcome,
    }
    return json.dumps({"error": body}, ensure_ascii=False)
