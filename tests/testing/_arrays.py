"""An array, such as numpy has: an argument that cannot be compared as others are."""

from __future__ import annotations


class Array:
    """Says with `==` of each element whether it is equal, and so for one value against many."""

    def __init__(self, *values: float) -> None:
        self.values = values
        self.shape = (len(values),)

    def __eq__(self, other: object) -> Array:  # type: ignore[override]
        """Return where both are equal."""
        others = other.values if isinstance(other, Array) else (other,)
        return Array(*(one == others[at % len(others)] for at, one in enumerate(self.values)))

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        """Fail."""
        raise ValueError("the truth value of an array is ambiguous")

    def all(self) -> bool:
        """Return whether all is true."""
        return all(self.values)
