"""Values in scripts: what stands for any of them, and whether one is of the declared type."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Final, cast, get_origin

from labtroupe.messages import fits, plain_type


class _Anything:
    """Equal to every value, and within all limits."""

    __hash__ = None  # type: ignore[assignment]  # or it would be the same as what it equals

    def __eq__(self, other: object) -> bool:
        """Return that it is the same."""
        return True

    def _is_within(self, _: object) -> bool:
        """Return that a limit allows it: messages check their arguments."""
        return True

    __lt__ = __le__ = __gt__ = __ge__ = _is_within

    def __repr__(self) -> str:
        """Return the name it is imported by."""
        return "ANY"


# Typed as `Any`, because it is to stand for arguments of all types.
ANY: Final[Any] = _Anything()
"""Stands for any value of one argument: ``LinkamT95.ramp(ANY, 10.0)``."""

# Called without arguments, each makes its emptiest value.
_WITH_ZERO: Final[Sequence[type]] = (float, int, bool, str, bytes, tuple, list, dict, set, frozenset)


def same(one: object, other: object) -> bool:
    """Return whether two values are equal; of arrays, whether all that is in them is."""
    if one is other:
        return True
    if type(one) is type(other) and isinstance(one, (tuple, list)):
        ones, others = cast("Sequence[object]", one), cast("Sequence[object]", other)
        return len(ones) == len(others) and all(map(same, ones, others))
    if type(one) is type(other) and isinstance(one, dict):
        entries, found = cast("dict[object, object]", one), cast("dict[object, object]", other)
        return entries.keys() == found.keys() and all(same(entries[key], found[key]) for key in entries)
    # Or one with a single element would be equal to that.
    if not isinstance(one, _Anything) and _shape(one) != _shape(other):
        return False
    equal: Any = one == other
    return bool(equal.all() if hasattr(equal, "all") else equal)


def _shape(value: object) -> object:
    return getattr(value, "shape", None)


def zero_of(annotation: object) -> object:
    """Return the emptiest value of a declared type: ``None``, 0, or an empty text or container.

    Raises:
        LookupError: There is none.
    """
    if fits(None, annotation):
        return None
    declared = plain_type(annotation)
    kind = get_origin(declared) or declared
    if kind in _WITH_ZERO:
        return cast("object", kind())
    raise LookupError(f"there is no empty value of {inspect.formatannotation(annotation)}")
