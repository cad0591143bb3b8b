"""What the shape of the code is held to."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
MODULES = sorted(SOURCE.rglob("*.py"))
PACKAGES = [module.parent for module in MODULES if module.name == "__init__.py"]

MAX_MODULE = 300
MAX_FUNCTION = 40

# The cohesive exceptions, each with its reason.
LONG_MODULES: dict[str, str] = {
    "labtroupe.errors": "every error in one place, with its sentence, code and remedy, is what it is for",
}
LONG_FUNCTIONS: dict[str, str] = {}


def dotted(path: Path) -> str:
    """Return the name to import ``path`` by."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def long_modules() -> Iterator[str]:
    """Yield the name of each module that is too long."""
    for module in MODULES:
        if len(module.read_text().splitlines()) >= MAX_MODULE:
            yield dotted(module)


def long_functions() -> Iterator[str]:
    """Yield the name of each function that is too long, its docstring included."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno + 1 >= MAX_FUNCTION:
                    yield f"{dotted(module)}.{node.name}"


def test_imports_keep_the_contracts() -> None:
    """The layers, the siblings, the purity and the quick start, as pyproject.toml has them."""
    # In a process of its own: it switches off the loggers of this one.
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", lint, "--no-cache", "--no-logo"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - ours

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("module", MODULES, ids=dotted)
def test_a_module_says_in_one_line_what_it_is(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text()))

    assert docstring
    assert docstring.splitlines()[0].endswith((".", "?"))
    assert "".join(docstring.splitlines()[1:2]) == ""


def test_modules_are_short() -> None:
    assert set(long_modules()) == set(LONG_MODULES)


def test_functions_are_short() -> None:
    assert set(long_functions()) == set(LONG_FUNCTIONS)


@pytest.mark.parametrize("package", PACKAGES, ids=dotted)
def test_the_face_of_a_package_is_whole(package: Path) -> None:
    """Each package lists what it offers, and offers what it lists."""
    module = importlib.import_module(dotted(package))

    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_the_command_line_starts_without_trio() -> None:
    """Importing trio takes longer than all the rest; only those that run instruments need it."""
    quick = re.compile(r"labtroupe\.(cli|client)\b")
    slow = {"labtroupe.cli._check", "labtroupe.cli._run", "labtroupe.cli._test"}
    modules = [name for name in map(dotted, MODULES) if quick.match(name) and name not in slow]
    assert "labtroupe.cli" in modules
    script = f"import sys, {', '.join(modules)}\nprint(*(name for name in sys.modules if name == 'trio'))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603

    assert result.stdout.strip() == ""


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    # The brackets keep this line from being one of them.
    place = re.compile(r"/[w]ork/|\.\./[s]hared\b|/[f]arm\b")
    folders = (ROOT / name for name in (".ci", "docs", "examples", "src", "tests"))
    files = [*ROOT.iterdir(), *(path for folder in folders for path in folder.rglob("*"))]
    texts = (path for path in files if path.is_file() and path.suffix not in {".pyc", ".png"})

    assert [str(path) for path in texts if place.search(path.read_text())] == []
