"""What happened in a history, noted out of band: an assertion inside an actor is one more crash."""

from __future__ import annotations

import enum
import math
from typing import Final

import attrs
import trio

from labtroupe.errors import Outcome
from labtroupe.lifecycle import State

from ._script import History

LEFT: Final = "leaves its port open"
"""What a life does instead of cleaning up, where the next one inherits."""

# Turns within which news gets around: whoever is cancelled wakes, and wakes others.
_TURNS: Final = 4


class What(enum.StrEnum):
    """What a note is about."""

    ASKED = "asked"
    TOLD = "told the answer"
    """The caller has it; the text is the outcome."""
    LEFT = "left"
    """The caller was cancelled."""
    FAILED = "failed"
    """The event about the end of a request; the text is the outcome, the detail its code."""
    BEGUN = "handler begins"
    RETURNED = "handler returns"
    UNWOUND = "handler ends in an error"
    """The text is its class."""
    SENT = "sends"
    ANSWERED = "has the answer"
    CUT = "exchange cut off"
    STARTED = "starts"
    READY = "is ready"
    CRASHED = "is about to crash"
    """The text is ``absent`` where the device could not be reached."""
    FINISHES = "is to finish"
    STOPS = "cleans up"
    STOPPED = "has cleaned up"
    STATE = "state"
    """The detail is the reason."""
    ORDERED = "ordered"
    """The operator's verb, which is the text, has returned."""
    HALTING = "is about to be halted"
    HALTED = "the halt has returned"
    """The text is ``confirmed``, or why not."""
    SAFE = "goes into its safe state"
    IS_SAFE = "is in its safe state"
    LEASED = "leased"
    """The text is the holder."""
    UNLEASED = "lease over"
    QUARANTINED = "in quarantine"
    """The text is the command."""
    CLOSED = "everything is to end"
    OVER = "the supervisor has returned"
    HELD = "holds up the loop"
    """The text is for how many seconds."""


@attrs.frozen
class Note:
    """One thing that happened; earlier ones come first in the record.

    Attributes:
        number: Its place in the record.
        at: When, on trio's clock.
        turn: The pass of trio's scheduler in which it happened, counted from the first.
        life: The life it is about, counted from 1; 0 for none.
        request: The name of the request it is about.
        text: What there is to say about it besides, for the rules.
        detail: The same, for people.
    """

    number: int
    at: float
    turn: int
    what: What
    child: str
    life: int
    request: str
    text: str
    detail: str

    def is_long_before(self, other: Note) -> bool:
        """Whether everybody has had time to act on it before another: some turns, and a moment."""
        return self.at < other.at and self.turn + _TURNS < other.turn

    def __str__(self) -> str:
        """Return it as a line."""
        who = f"{self.child}/{self.life}" if self.life else self.child
        request = f"#{self.request}" if self.request else ""
        detail = f"({self.detail})" if self.detail else ""
        words = [f"{who:4}", request, self.what, self.text, detail]
        return f"{self.at:7.2f} s  {' '.join(filter(None, words))}"


@attrs.frozen(kw_only=True)
class Request:
    """A request, as whoever made it knows it.

    Attributes:
        name: The number of its action; one made by a handler has that of its own request before it.
        asked: The place in the record of its making.
        deadline: When it must have ended.
        limit: When its handler is cancelled at the latest.
        leave_by: When its caller must have gone.
        lease: The name of the lease under which it was asked.
    """

    name: str
    child: str
    command: str
    how: str
    asked: int
    deadline: float
    limit: float
    leave_by: float
    lease: str


@attrs.define(eq=False)
class Record:
    """All that happened in one history.

    Attributes:
        violations: What was seen to be wrong at once.
        outcomes: Of the requests that were sent and not awaited; ``None`` for those without an end.
        at_rest: The states of the children when all had come to rest.
        error: What the supervisor's nursery raised.
        turn: The present pass of trio's scheduler.
    """

    history: History
    notes: list[Note] = attrs.field(factory=list[Note])
    requests: dict[str, Request] = attrs.field(factory=dict[str, Request])
    violations: list[str] = attrs.field(factory=list[str])
    outcomes: dict[str, Outcome | None] = attrs.field(factory=dict[str, Outcome | None])
    at_rest: dict[str, State] = attrs.field(factory=dict[str, State])
    error: BaseException | None = None
    turn: int = 0

    def note(  # noqa: PLR0913 - what a note is
        self,
        what: What,
        child: str = "",
        *,
        life: int = 0,
        request: str = "",
        text: str = "",
        detail: str = "",
    ) -> None:
        """Note something that happens now."""
        number, now = len(self.notes), trio.current_time()
        self.notes.append(Note(number, now, self.turn, what, child, life, request, text, detail))

    def violate(self, text: str) -> None:
        """Note that something is wrong now."""
        self.violations.append(f"{text}, at {trio.current_time():g} s")

    def asked(  # noqa: PLR0913 - what a request is
        self,
        name: str,
        child: str,
        command: str,
        *,
        timeout: float,
        how: str = "ask",
        leave_after: float = math.inf,
        lease: str = "",
    ) -> None:
        """Note a request that is made next, with the deadline that the rules give it."""
        now = trio.current_time()
        around = math.inf if how == "tell" else trio.current_effective_deadline()
        deadline = max(now, min(now + timeout, around))
        self.requests[name] = Request(
            name=name,
            child=child,
            command=command,
            how=how,
            asked=len(self.notes),
            deadline=deadline,
            limit=now + timeout,
            leave_by=min(deadline, now + leave_after),
            lease=lease,
        )
        self.note(What.ASKED, child, request=name, detail=f"{how} to {command}, until {deadline:g} s")

    def __str__(self) -> str:
        """Return the notes, one per line."""
        return "\n".join(map(str, self.notes))
