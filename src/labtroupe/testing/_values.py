"""Values in scripts: what stands for any of them, and whether one is of the declared type."""

from __future__ import annotations

import inspect
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NewType, Union, cast, get_args, get_origin, is_typeddict


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
    """Return whether a value is of a declared type, and what is inside of it if it is a container."""
    declared = _plain(annotation)
    kind = get_origin(declared) or declared
    if kind in {Union, types.UnionType}:
        return any(fits(value, each) for each in get_args(declared))
    if kind is Literal:
        return any(value == each and type(value) is type(each) for each in get_args(declared))
    if not isinstance(kind, type) or kind is inspect.Signature.empty:
        return True  # such as a `TypeVar`, of which nothing is known here
    if isinstance(value, bool) and kind in {int, float, complex}:
        return False
    try:
        of_kind = isinstance(value, _WIDENED.get(kind, kind))
    except TypeError:
        return True  # such as `Any`, or a protocol, which cannot be told from outside
    return of_kind and all(fits(each, inside) for each, inside in _inside(value, kind, get_args(declared)))


def same(one: object, other: object) -> bool:
    """Return whether two values are equal; of arrays, whether all that is in them is."""
    if one is other:
        return True
    if type(one) is type(other) and isinstance(one, (tuple, list)):
        ones, others = cast("Sequence[object]", one), cast("Sequence[object]", other)
        return len(ones) == len(others) and all(map(same, ones, others))
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
    declared = _plain(annotation)
    kind = get_origin(declared) or declared
    if kind in _WITH_ZERO:
        return cast("object", kind())
    raise LookupError(f"there is no empty value of {inspect.formatannotation(annotation)}")


def _plain(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no class in common
    """Return an annotation without its metadata, and what another name for a type stands for."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif annotation is None:
            return types.NoneType
        else:
            # Which cannot be told from a dict when there is one.
            return dict if is_typeddict(annotation) else annotation


def _inside(value: object, kind: type, declared: Sequence[object]) -> Iterator[tuple[object, object]]:
    """Yield what is in a container, each with its declared type."""
    # What the parameters of other classes are about is not known.
    if not declared or kind.__module__ not in {"builtins", "collections", "collections.abc"}:
        return
    if isinstance(value, tuple) and kind is tuple:
        items = cast("tuple[object, ...]", value)
        of_each = [declared[0]] * len(items) if declared[1:] == (...,) else declared
        # A tuple of another length is of no type that there is.
        yield from zip(items, of_each, strict=True) if len(items) == len(of_each) else [(items, None)]
    elif isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        yield from (pair for entry in entries.items() for pair in zip(entry, declared, strict=False))
    elif isinstance(value, Collection) and len(declared) == 1:
        yield from ((each, declared[0]) for each in cast("Collection[object]", value))
