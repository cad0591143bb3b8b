"""What else a bench sends: what happens there, and why there is no answer."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from labtroupe.errors import Outcome


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened.

    Attributes:
        kind: A stable name for programs.
        text: What happened, in one sentence.
        instrument: Whom it happened to; empty for the bench itself.
        time: When, in seconds since 1970 (UTC).
        fields: All it says, those above included, in the types of JSON.
    """

    kind: str
    text: str
    instrument: str
    time: float
    fields: Mapping[str, object] = {}


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer, as a `labtroupe.errors.LabtroupeError` says it.

    Attributes:
        facts: What its class has besides, such as the state of a `NotRunning`.
    """

    code: str
    message: str
    remedy: str
    instrument: str | None
    outcome: Outcome | None
    facts: Mapping[str, object] = {}
