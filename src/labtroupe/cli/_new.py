"""``labtroupe new``: write a driver with its simulator and its tests, to begin with."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

import attrs
import click

from labtroupe.errors import ConfigError

_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
# Where the templates are, in this package.
_TEMPLATES: Final = "new_driver"
# The folder among them that gets the name of the package.
_PACKAGE: Final = "package"
# The other one: a package of this name would be the same folder.
_TESTS: Final = "tests"
# What the templates import.
_IMPORTED: Final = frozenset(
    [
        "Annotated",
        "Barrier",
        "ClassVar",
        "FakeBench",
        "Instrument",
        "LineDevice",
        "Lines",
        "MockClock",
        "Path",
        "Range",
        "Script",
        "Unit",
    ]
)


@attrs.frozen
class _Names:
    """What a new driver is called.

    Attributes:
        kind: In a bench.
        package: As a Python package.
        cls: As a class.
    """

    kind: str
    package: str
    cls: str

    @classmethod
    def of(cls, name: str) -> _Names:
        """Return what a driver called ``name`` is called."""
        words = re.split("[-_]", name)
        return cls("-".join(words), "_".join(words), "".join(map(str.capitalize, words)))


@click.command()
@click.argument("what", metavar="driver")
@click.argument("name", metavar="NAME", required=False)
def new(what: str, name: str | None) -> None:
    """Write a driver called NAME, with its simulator, its tests and its card, into a new folder of that name.

    All of it works as it is.  Change it step by step, and let `labtroupe test` say what holds.
    """
    if what != "driver" or name is None:
        wanted = "NAME" if what == "driver" else name or what
        raise click.UsageError(f"write it `labtroupe new driver {wanted}`", click.get_current_context())
    names = _Names.of(name)
    root = Path(name)
    _check(name, names)
    try:
        root.mkdir()
    except FileExistsError:
        raise ConfigError(
            f"there is a {name} here already", remedy="Give another name; nothing is ever overwritten."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{name} cannot be made here: {error.strerror}", remedy="Go to another folder."
        ) from error
    _write(files("labtroupe.cli") / _TEMPLATES, root, names)
    _print_steps(root, names)


def _print_steps(root: Path, names: _Names) -> None:
    print(f"{root}: a driver that works, with a simulator for it.  Next:")
    print(f"  cd {root}")
    steps = {
        "pip install -e '.[test]'": "once: what its tests need, and its kind",
        f"labtroupe test {names.package}:{names.cls}": "what holds of it",
        "python -m pytest": "its tests",
        "labtroupe run bench.toml": "a bench with it",
    }
    width = max(map(len, steps))
    for step, what in steps.items():
        print(f"  {step:{width}}  # {what}")
    print(f"Then change {names.package}/driver.py and {names.package}/simulator.py, and try again.")


def _check(name: str, names: _Names) -> None:
    """Raise `ConfigError` unless a package of this name can be written, and be used beside all others."""
    if not _NAME.fullmatch(name):
        plain = re.sub("[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789").rstrip("-")
        raise ConfigError(
            f"{name!r} is no name for a driver: it has small letters, digits and -, and begins with a letter",
            remedy=f"Give another name, such as {plain or 'water-bath'}.",
        )
    problem = _problem(name, names)
    if problem:
        raise ConfigError(problem, remedy=f"Give another name, such as {names.kind}-driver.")


def _problem(name: str, names: _Names) -> str:
    """Return what a name is in the way of; empty for nothing."""
    package, cls = names.package, names.cls
    if keyword.iskeyword(package):
        return f"{package} is a word of Python's own"
    # A folder of that name here is for `mkdir` to refuse.
    taken = importlib.util.find_spec(package) is not None and not Path(name).exists()
    if taken or package == _TESTS:
        return f"there is a Python package {package} already, which this one would hide"
    if cls in _IMPORTED:
        return f"its class would be {cls}, which hides the {cls} that it needs"
    if names.kind in entry_points(group="labtroupe.kinds").names:
        return f"there is a kind {names.kind} already, and a bench could not tell them apart"
    return ""


def _write(templates: Traversable, folder: Path, names: _Names) -> None:
    """Write what a folder of templates makes, with the names filled in."""
    for each in sorted(templates.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            inside = folder / (names.package if each.name == _PACKAGE else each.name)
            inside.mkdir()
            _write(each, inside, names)
        elif each.name.endswith(".in"):
            text = Template(each.read_text("utf-8")).substitute(attrs.asdict(names))
            (folder / each.name.removesuffix(".in")).write_text(text, encoding="utf-8")
