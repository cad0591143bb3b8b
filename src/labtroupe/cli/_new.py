"""``labtroupe new``: write a driver with its simulator and its tests, to begin with."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

import click

from labtroupe.errors import ConfigError

_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
# Where the templates are, in this package.
_TEMPLATES: Final = "new_driver"
# The folder among them that gets the name of the package.
_PACKAGE: Final = "package"


@click.command()
@click.argument("what", type=click.Choice(["driver"]), metavar="driver")
@click.argument("name")
def new(what: str, name: str) -> None:  # noqa: ARG001 - there is one kind of thing so far
    """Write a driver called NAME, with its simulator, its tests and its card, into a new folder of that name.

    All of it works as it is.  Change it step by step, and let `labtroupe test` say what holds.
    """
    package = name.replace("-", "_")
    _check_name(name, package)
    cls = "".join(part.capitalize() for part in package.split("_"))
    names = {"kind": package.replace("_", "-"), "package": package, "cls": cls}
    root = Path(name)
    try:
        root.mkdir()
    except FileExistsError:
        raise ConfigError(
            f"there is a {name} here already", remedy="Give another name; nothing is ever overwritten."
        ) from None
    except OSError as error:
        raise ConfigError(f"{name} cannot be made: {error}", remedy="Go to another folder.") from error
    _write(files("labtroupe.cli") / _TEMPLATES, root, names)
    print(f"{root}: a driver that works, with a simulator for it.  Next:")
    print(f"  cd {root}")
    print(f"  labtroupe test {package}:{cls}        # what holds of it")
    print("  python -m pytest                 # its tests")
    print("  labtroupe run bench.toml         # a bench with it")
    print(f"Then change {package}/driver.py and {package}/simulator.py, and try again.")


def _check_name(name: str, package: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(package):
        raise click.UsageError(
            f"{name!r} is no name for a driver; use small letters, digits and -", click.get_current_context()
        )
    # A folder of that name here is for `mkdir` to refuse.
    if importlib.util.find_spec(package) is not None and not Path(name).exists():
        raise ConfigError(
            f"there is a Python package {package} already, which this one would hide",
            remedy=f"Give another name, such as {name}-driver.",
        )


def _write(templates: Traversable, folder: Path, names: dict[str, str]) -> None:
    """Write what a folder of templates makes, with the names filled in."""
    for each in sorted(templates.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            inside = folder / (names["package"] if each.name == _PACKAGE else each.name)
            inside.mkdir()
            _write(each, inside, names)
        elif each.name.endswith(".in"):
            text = Template(each.read_text("utf-8")).substitute(names)
            (folder / each.name.removesuffix(".in")).write_text(text, encoding="utf-8")
