"""What an annotation can say about a value besides its type: limits and unit."""

from __future__ import annotations

import math

import attrs

from labtroupe.errors import ArgumentError


@attrs.frozen
class Range:
    """Limits of a number, both included: ``Annotated[float, Range(-196, 600)]``."""

    minimum: float = -math.inf
    maximum: float = math.inf

    def __attrs_post_init__(self) -> None:
        """Check that something is within them.

        Raises:
            ValueError: Nothing is.
            TypeError: They are no numbers.
        """
        # Reckoned with, as texts can be compared, too.
        if not self.maximum - self.minimum >= 0:
            raise ValueError(f"nothing is {self}")

    def check(self, value: float) -> None:
        """Raise `ArgumentError` unless ``value`` is a number within the limits.

        NaN never is, and neither is a bool: ``True`` is no 1 degree.
        """
        if isinstance(value, bool) or not self.minimum <= value <= self.maximum:
            raise ArgumentError(f"{value!r} is not {self}")

    def __str__(self) -> str:
        """Return the limits in words, such as ``between -196 and 600``."""
        # Digits enough for any limit that somebody wrote: a rounded one would be none.
        if self.maximum == math.inf:
            return f"at least {self.minimum:.15g}"
        if self.minimum == -math.inf:
            return f"at most {self.maximum:.15g}"
        return f"between {self.minimum:.15g} and {self.maximum:.15g}"


@attrs.frozen
class Unit:
    """The unit of a number, as people write it: ``Annotated[float, Unit("degC")]``."""

    symbol: str

    def __str__(self) -> str:
        """Return the symbol."""
        return self.symbol
