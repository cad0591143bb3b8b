"""Whether a value is of a declared type."""

from __future__ import annotations

import inspect
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NewType, Union, cast, get_args, get_origin, is_typeddict

# PEP 484: where a float or a complex is wanted, an int will do.
_WIDENED: Final[dict[object, tuple[type, ...]]] = {float: (float, int), complex: (complex, float, int)}


def fits(value: object, annotation: object) -> bool:
    """Return whether a value is of a declared type, and what is inside of it if it is a container."""
    declared = plain_type(annotation)
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


def plain_type(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no class in common
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
