"""Several refs in one object: a class of the user's whose fields are named like instruments."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast, get_args, get_origin, get_type_hints

import attrs

from labtroupe.actor import ActorRef
from labtroupe.instrument import Instrument

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Composite: TypeAlias = DataclassInstance | attrs.AttrsInstance
else:
    Composite: TypeAlias = object

CompositeT = TypeVar("CompositeT", bound=Composite)


def make_composite(
    composite: type[CompositeT], find: Callable[[str, type[Instrument]], ActorRef[Any]]
) -> CompositeT:
    """Return an instance with the ref to the instrument of its name in each field.

    Raises:
        TypeError: It has no fields, one is no ref, or ``find`` says so.
    """
    if not any(_fields(composite)):
        raise TypeError(f"{composite.__name__} has no fields: make it an attrs class or a dataclass")
    types = get_type_hints(composite)
    return composite(
        **{name: find(name, _instrument_type(composite, name, types[name])) for name in _fields(composite)}
    )


def refs_in(composite: Composite) -> Iterator[ActorRef[Any]]:
    """Yield the refs in the fields of an object.

    Raises:
        TypeError: There are none.
    """
    found = [getattr(composite, name) for name in _fields(type(composite))]
    if not any(isinstance(each, ActorRef) for each in found):
        raise TypeError(f"{composite!r} is no instrument's name, no ref, and has no refs in its fields")
    yield from (each for each in found if isinstance(each, ActorRef))


def _fields(composite: type[Any]) -> Iterator[str]:
    if attrs.has(composite):
        return (field.name for field in attrs.fields(composite))
    if dataclasses.is_dataclass(composite):
        return (field.name for field in dataclasses.fields(composite))
    return iter(())


def _instrument_type(composite: type[Any], name: str, annotation: object) -> type[Instrument]:
    if get_origin(annotation) is not ActorRef:
        raise TypeError(f"{composite.__name__}.{name} is not annotated as the ref to an instrument")
    (instrument_type,) = get_args(annotation)
    return cast("type[Instrument]", instrument_type)
