"""How often an actor may be restarted before that counts as no help."""

from __future__ import annotations

from collections import deque

import attrs
from attrs import validators


@attrs.frozen
class RestartLimit:
    """Two limits, because either alone can be evaded.

    A burst of crashes meets the window.  An actor that takes long to start and
    then dies at once never fills a window; it meets the number of attempts.

    Attributes:
        max_restarts: Restarts granted within any ``max_seconds``.
        max_attempts: Restarts in a row without having been healthy between them.
        healthy_after: Seconds an actor must be up to count as healthy.
    """

    max_restarts: int = attrs.field(default=3, validator=validators.ge(0))
    max_seconds: float = attrs.field(default=30.0, validator=validators.gt(0))
    max_attempts: int = attrs.field(default=5, validator=validators.ge(0))
    healthy_after: float = attrs.field(default=30.0, validator=validators.ge(0))


@attrs.define
class RestartHistory:
    """What a limit has to know of the past of one actor.

    Attributes:
        streak: Failures in a row since it was last healthy; the backoff grows with it.
        counted: Those of the streak that count towards the limit.
        granted: When restarts were granted, the oldest first, as far back as the window reaches.
    """

    streak: int = 0
    counted: int = 0
    granted: deque[float] = attrs.field(factory=deque[float])

    def forgive(self) -> None:
        """Forget everything: a person has looked at it."""
        self.streak = self.counted = 0
        self.granted.clear()

    def lived(self, limit: RestartLimit, seconds: float) -> None:
        """Note the end of a life that was up for ``seconds``: if that was healthy, the streak is over."""
        if seconds >= limit.healthy_after:
            self.streak = self.counted = 0

    def admit(self, limit: RestartLimit, now: float, *, unavailable: bool) -> bool:
        """Count a failure at ``now`` and return whether a restart is granted.

        Args:
            limit: The limits to hold it against.
            now: The moment of the failure, on the clock of ``granted``.
            unavailable: Its device could not be reached.  To try again what never
                began is no restart, so this is always granted.
        """
        self.streak += 1
        if unavailable:
            return True
        self.counted += 1
        while self.granted and self.granted[0] <= now - limit.max_seconds:
            self.granted.popleft()
        if len(self.granted) >= limit.max_restarts or self.counted > limit.max_attempts:
            return False
        self.granted.append(now)
        return True
