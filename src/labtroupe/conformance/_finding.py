"""What is found in a trial: what has become of a request, and what is short of a promise."""

from __future__ import annotations

from typing import Final

import attrs
import trio

from labtroupe.actor import Reply
from labtroupe.errors import LabtroupeError
from labtroupe.messages import Message

GRACE: Final = 1.0
"""Seconds in which code that was cancelled must have ended."""


class Shortfall(Exception):
    """A promise is not kept; says what was seen, and what to do where the check itself does not know."""

    def __init__(self, note: str, fix: str = "") -> None:
        super().__init__(note)
        self.fix = fix


class NotDeclared(Exception):
    """The class does not declare what a promise is about; says what that means, and what to declare."""

    def __init__(self, note: str, fix: str) -> None:
        super().__init__(note)
        self.fix = fix


@attrs.frozen(eq=False)
class Asked:
    """What has become of a request.

    Attributes:
        reply: The request.
    """

    reply: Reply[object]

    @property
    def message(self) -> Message[object]:
        """What was asked."""
        return self.reply.message

    @property
    def value(self) -> object:
        """The answer; ``None`` if there was none."""
        return self.reply.value

    @property
    def error(self) -> LabtroupeError | None:
        """Why there was none."""
        return self.reply.error

    def check_in_time(self) -> None:
        """Raise `Shortfall` if it has ended well after its deadline."""
        over = trio.current_time() - self.reply.deadline
        if over > GRACE / 10:
            raise Shortfall(f"{self.message!r} ended {over:.2g} s after its deadline")
