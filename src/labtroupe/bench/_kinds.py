"""Kinds: from what a bench.toml calls an instrument to its class, and the settings of that."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
from importlib.metadata import EntryPoints, entry_points
from operator import attrgetter
from typing import Final

import attrs

from labtroupe.bench._mistakes import Wrong, did_you_mean
from labtroupe.bench._values import Fields, fields_of
from labtroupe.errors import ConfigError, place
from labtroupe.instrument import Instrument, check_complete

GROUP: Final = "labtroupe.kinds"
"""The group of entry points in which packages name their kinds."""


@attrs.frozen
class Kind:
    """A kind of instrument.

    Attributes:
        name: As it was written.
        settings: The fields that its class is given besides the link.
    """

    name: str
    instrument_type: type[Instrument]
    settings: Fields


def find_kind(kind: str) -> Kind:
    """Import the class that ``kind`` names.

    Args:
        kind: The name of an entry point, or ``"package.module:Class"``.

    Raises:
        Wrong: There is none, it cannot be imported, or it is not an instrument.
    """
    return make_kind(kind, _import(kind, kind if ":" in kind else _entry_point(kind)))


def make_kind(kind: str, found: object) -> Kind:
    """Return the kind that a class is, or whatever it is instead.

    Raises:
        Wrong: It is no instrument.
    """
    if not (isinstance(found, type) and issubclass(found, Instrument)):
        raise Wrong.because(f"{kind} is not an instrument; derive it from labtroupe.Instrument")
    if inspect.isabstract(found):
        raise Wrong.because(f"{kind} is abstract: a base for kinds, and no kind itself")
    try:
        check_complete(found)
    except ConfigError as error:
        raise Wrong.because(str(error)) from error
    settings = {name: field for name, field in fields_of(found).items() if name != "link"}
    return Kind(kind, found, settings)


def kind_of(instrument_type: type[Instrument]) -> str:
    """Return what a bench.toml calls a class: the name of its entry point, or ``"package.module:Class"``."""
    for point in _entry_points():
        module = sys.modules.get(point.module)
        if (
            point.attr == instrument_type.__qualname__
            and getattr(module, point.attr, None) is instrument_type
        ):
            return point.name
    return f"{instrument_type.__module__}:{instrument_type.__qualname__}"


@functools.cache
def _entry_points() -> EntryPoints:
    # Kept, as it looks through all that is installed: from 3 ms up, and there are many instruments.
    return entry_points(group=GROUP)


def _entry_point(kind: str) -> str:
    """Return the ``package.module:Class`` of a kind."""
    points = _entry_points()
    values = sorted({point.value for point in points if point.name == kind})
    if not values:
        known = f'; there are {", ".join(sorted(points.names))}, and your own as "package.module:Class"'
        hint = did_you_mean(kind, points.names) or _class_of_module(kind) or known
        raise Wrong.because(f'there is no kind "{kind}"{hint}')
    if len(values) > 1:
        raise Wrong.because(f'several packages have a kind "{kind}"; write one of {", ".join(values)}')
    return values[0]


def _class_of_module(kind: str) -> str:
    """Return what to write if the name of a module was written; empty if there is none of this name."""
    try:
        found = importlib.util.find_spec(kind)
    except (ImportError, ValueError):
        return ""
    return f'; to name a class of the module {kind}, write "{kind}:Class"' if found is not None else ""


def _import(kind: str, value: str) -> object:
    module, _, name = value.partition(":")
    try:
        return attrgetter(name)(importlib.import_module(module))
    except (Exception, SystemExit) as error:
        # A module that is imported may raise anything, and one that is a script may end with it.
        where = place(error, module)
        why = f"{type(error).__name__}: {error}{f', at {where}' if where else ''}"
        what = kind if kind == value else f"{kind}, which is {value},"
        raise Wrong.because(f"{what} cannot be imported ({why})") from error
