"""What a double has received."""

from __future__ import annotations

from typing import Any

import attrs

from labtroupe.actor import Reply
from labtroupe.messages import Message, Outcome


@attrs.frozen(eq=False, repr=False)
class Received:
    """A message that has reached a double.

    Attributes:
        instrument: The name of the actor that the double stands in for.
        message: What was asked, made of the commands of the class that the double stands for.
        sender: The actor that has asked, else the name of the task that waits for the answer;
            empty if nobody does.
        life: In which life of the double.
        at: When its turn came, in seconds on trio's clock.
        deadline: When its asker stops waiting, on the same clock.
        request: The reply that its asker waits for.
    """

    instrument: str
    message: Message[Any]
    sender: str
    life: int
    at: float
    deadline: float
    request: Reply[object]

    @property
    def outcome(self) -> Outcome | None:
        """What became of it; ``None`` as long as it is carried out."""
        return self.request.outcome

    @property
    def error(self) -> Exception | None:
        """Why it was not done; ``None`` if it was, or is carried out still."""
        return self.request.error

    def __repr__(self) -> str:
        """Return what was asked of whom, by whom and when."""
        by = f" by {self.sender}" if self.sender else ""
        return f"{self.instrument}: {self.message!r}{by} at {self.at:.3f} s"
