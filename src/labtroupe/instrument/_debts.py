"""What former exchanges have left in the device; it outlives the lives of an instrument."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

import attrs
import trio

# Requests without an answer that are remembered; more means that the device is not there.
_OWED_AT_MOST: Final = 64

# Seconds after which what was asked before the port was opened is not going to be answered, unless
# the device is declared to be later than that.
_FORGOTTEN_AFTER: Final = 5.0


@attrs.frozen(eq=False)
class Owed:
    """A request whose answer may still come.

    Attributes:
        request: It, without framing.
        sent_at: When it was sent, on trio's clock.
    """

    request: bytes
    sent_at: float


@attrs.define(eq=False)
class Debts:
    """What the device may still do because of what it was told before, in whichever life.

    Attributes:
        owed: The requests whose answers may still come, the oldest first.
        doubtful: Whether a resync was given up amid answers that look alike, so that no count holds.
        unasked: Whether something has come that nobody had asked for, and more of it may.
        cut_short: Whether half a command may be waiting in the device.
        not_before: When it may be spoken to again, on trio's clock.
    """

    owed: deque[Owed] = attrs.field(factory=lambda: deque[Owed](maxlen=_OWED_AT_MOST), init=False)
    doubtful: bool = attrs.field(default=False, init=False)
    unasked: bool = attrs.field(default=False, init=False)
    cut_short: bool = attrs.field(default=False, init=False)
    not_before: float = attrs.field(default=-math.inf, init=False)

    @property
    def any(self) -> bool:
        """Whether there are any: answers, asked for or not, or half a command."""
        return self.cut_short or self.unasked or self.doubtful or bool(self.owed)

    def owe(self, request: bytes) -> None:
        """Note that a request is about to be sent."""
        self.owed.append(Owed(request, trio.current_time()))

    def begin_anew(self, lateness: float) -> None:
        """Note that the port has been opened anew, and forget what has been owed for too long.

        Args:
            lateness: Seconds after which the device answers no more, as far as that is declared.
        """
        # Each vain try to get in step leaves its own query behind.  With all of them, a device
        # that is back would seem to be as late as the oldest, and would be waited for in vain again.
        latest = trio.current_time() - max(_FORGOTTEN_AFTER, lateness)
        while self.owed and self.owed[0].sent_at < latest:
            self.owed.popleft()

    def alike(self, request: bytes) -> Sequence[Owed]:
        """Return the requests owed whose answers may look like that to ``request``, the oldest first.

        Those that only begin like it are among them: the device may have got no more of them.
        """
        return [owed for owed in self.owed if owed.request.startswith(request)]

    def settle(self) -> None:
        """Note that no answer can come any more."""
        self.owed.clear()
        self.doubtful = self.unasked = False
