"""A bench that is described in Python, as a document like any other."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from types import FunctionType
from typing import ClassVar, cast

import attrs

from labtroupe.bench._as_written import GroupSpec, table_of
from labtroupe.bench._config import BenchConfig, make_config
from labtroupe.bench._document import Document
from labtroupe.bench._instrument_table import Draft, read_instrument
from labtroupe.bench._kinds import make_kind
from labtroupe.bench._making import Making, Unmet, needs
from labtroupe.bench._mistakes import BenchConfigError, Finding, Origin, Place, spell


def make_python_config(
    bench: Mapping[str, object],
    functions: Mapping[str, FunctionType],
    making: Making,
    groups: Mapping[str, GroupSpec],
) -> BenchConfig:
    """Return what functions have said about a bench.

    Args:
        bench: The keys of the bench as a whole.
        functions: By the names of their instruments.
        making: What they have returned.
        groups: By their names.

    Raises:
        BenchConfigError: Its ``mistakes`` are everything that is wrong.
    """
    names = {spec: each for each, spec in making.specs.items()}
    tables = dict.fromkeys(functions, cast("Mapping[str, object]", {}))
    for spec, each in names.items():
        tables[each] = table_of(spec, needs(functions[each]), names)
    content: Mapping[str, object] = {
        "bench": bench,
        "instruments": tables,
        "groups": {each: group.table for each, group in groups.items()},
    }
    file = next((origin_of(each).file for each in functions.values()), str(bench["name"]))
    document = PythonDocument(file, content, {}, functions=functions, making=making, groups=groups)
    try:
        return make_config(document, document.read_one)
    except BenchConfigError as error:
        raise error from next(iter(making.failures.values()), None)


@attrs.frozen
class PythonDocument(Document):
    """What a bench is described in, if that is Python: each instrument by a function."""

    begin: ClassVar[str] = "describe one in a function, with @bench.instrument above it"

    functions: Mapping[str, FunctionType] = attrs.field(kw_only=True)
    making: Making = attrs.field(kw_only=True)
    groups: Mapping[str, GroupSpec] = attrs.field(kw_only=True)

    def line(self, place: Place) -> int:
        """Return the line of the function that says something; 0 for what none says."""
        parent, name, *keys = place
        tables = cast("Mapping[object, Mapping[object, object]]", self.content[str(parent)])
        return self.origin(place).line if not keys or keys[0] in tables[name] else 0

    def origin(self, place: Place) -> Origin:
        """Return where the function is, or the line in it that has raised an error."""
        match place:
            case ("instruments", str(name), *_):
                where, failure = origin_of(self.functions[name]), self.making.failures.get(name)
                line = line_in(self.functions[name].__code__.co_filename, failure) or where.line
                return Origin(where.file, line, self._spell(place))
            case ("groups", str(name), *_):
                return attrs.evolve(self.groups[name].origin, key=spell(place))
            case _:
                return Origin(self.file, 0, spell(place[1:]))

    def read_one(self, name: str, table: object) -> Draft:
        """Read what a function has returned, or has raised."""
        spec = self.making.specs.get(name)
        if spec is not None:
            return read_instrument(name, table, lambda kind: make_kind(kind, spec.instrument_type))
        failure = self.making.failures[name]
        what = f"it cannot be described ({type(failure).__name__}: {failure})"
        found = () if isinstance(failure, Unmet) else (Finding((), what),)
        return Draft(name, found, needs(self.functions[name]))

    def _spell(self, place: Place) -> str:
        """Return a place as Python has it; what an instrument depends on are the parameters first."""
        match place:
            case (_, str(name), "depends_on", int(index)):
                parameters = needs(self.functions[name])
                key = f"({parameters[index]})" if index < len(parameters) else f".depends_on[{index}]"
                return f"{name}{key}"
            case _:
                return spell(place[1:])


def origin_of(function: FunctionType) -> Origin:
    """Return where a function is."""
    code = function.__code__
    return Origin(shown(code.co_filename), code.co_firstlineno, function.__name__)


def line_in(file: str, error: BaseException | None) -> int:
    """Return in which line of a file an error came up, as near to it as can be; 0 for none."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno or 0
    # Not extract_tb, which reads the files.
    frames = list(traceback.walk_tb(error.__traceback__ if error is not None else None))
    return next((line for frame, line in reversed(frames) if frame.f_code.co_filename == file), 0)


def shown(file: str) -> str:
    """Return the name of a file, from here if it is below."""
    near = os.path.relpath(file)
    return file if near.startswith(os.pardir) else near
