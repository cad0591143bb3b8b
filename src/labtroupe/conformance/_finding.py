"""What is found in a trial: what has become of a request, and what is short of a promise."""

from __future__ import annotations

import inspect
from typing import Final

import attrs
import trio

from labtroupe.actor import Reply
from labtroupe.errors import LabtroupeError, Outcome
from labtroupe.messages import Message, fits

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


_AWAIT: Final = "Write `await` before the call whose value it is."
_RETURN: Final = "Return what the command declares, such as `return float(...)`."
_REFUSED: Final = (
    "Let the errors of `self.link` pass: `CommandRefused` says that the device has said no, and has not "
    "done it."
)


def check_value(message: Message[object], value: object) -> None:
    """Raise `Shortfall` if a value is not what the command declares."""
    declared = message.command.returns.annotation
    shown = inspect.formatannotation(declared)
    if inspect.iscoroutine(value):
        value.close()
        raise Shortfall(f"{message!r} gave a coroutine", _AWAIT)
    if not fits(value, declared):
        raise Shortfall(f"{message!r} gave {value!r}, and declares {shown}", _RETURN)


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

    def check_not_refused(self) -> None:
        """Raise `Shortfall` if the device is said to have refused it, which has not said so."""
        if self.reply.outcome is Outcome.REFUSED and self.error is not None:
            raise Shortfall(f"{self.message!r} was refused by nobody: {self.error}", _REFUSED)

    def check_in_time(self) -> None:
        """Raise `Shortfall` if it has ended well after its deadline."""
        over = trio.current_time() - self.reply.deadline
        if over > GRACE / 10:
            raise Shortfall(f"{self.message!r} ended {over:.2g} s after its deadline")
