"""How long to wait before the next start."""

from __future__ import annotations

import attrs
from attrs import validators


@attrs.frozen
class Backoff:
    """A pause that doubles with every attempt, up to a longest one.

    Attributes:
        first: Seconds before the first restart.
        longest: Seconds no pause exceeds.
        jitter: Largest share of a pause that chance may take off, so that
            instruments which failed together do not come back together.
    """

    first: float = attrs.field(default=0.5, validator=validators.ge(0))
    longest: float = attrs.field(default=30.0, validator=validators.ge(0))
    jitter: float = attrs.field(default=0.1, validator=[validators.ge(0), validators.le(1)])

    def delay(self, attempt: int, chance: float) -> float:
        """Return the seconds to wait before an attempt.

        Args:
            attempt: Number of the attempt since the actor was last healthy, from 1.
            chance: A random number from 0 up to 1.
        """
        # The exponent is bounded because 2.0 ** 1024 raises OverflowError.
        pause = min(self.longest, self.first * 2.0 ** min(attempt - 1, 64))
        return pause * (1.0 - self.jitter * chance)
