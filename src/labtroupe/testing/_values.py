"""Values in scripts: what stands for any of them, and whether one is of the declared type."""

from __future__ import annotations

import inspect
import types
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin


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

# PEP 484: where a float or a complex is wanted, an int will do.
_WIDENED: Final[dict[object, tuple[type, ...]]] = {float: (float, int), complex: (complex, float, int)}

# Called without arguments, each makes its emptiest value.
_WITH_ZERO: Final[Sequence[type]] = (float, int, bool, str, bytes, tuple, list, dict, set, frozenset)


def fits(value: object, annotation: object) -> bool:
    """Return whether a value is of a declared type; what is inside of containers is not looked at."""
    kind = _bare(annotation)
    if kind in {Union, types.UnionType}:
        return any(fits(value, each) for each in get_args(annotation))
    if kind is Literal:
        return value in get_args(annotation)
    if kind is None:
        return value is None
    if not isinstance(kind, type) or kind is inspect.Signature.empty:
        return True  # such as a `TypeVar`, of which nothing is known here
    number = isinstance(value, bool) and kind in {int, float, complex}
    return not number and isinstance(value, _WIDENED.get(kind, kind))


def zero_of(annotation: object) -> object:
    """Return the emptiest value of a declared type: ``None``, 0, or an empty text or container.

    Raises:
        LookupError: There is none.
    """
    if fits(None, annotation):
        return None
    kind = _bare(annotation)
    if kind in _WITH_ZERO:
        return cast("object", kind())
    raise LookupError(f"there is no empty value of {inspect.formatannotation(annotation)}")


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no class in common
    """Return the class behind an annotation, or what else it is of, such as `typing.Union`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_origin(annotation) or annotation
