"""From the name of a file or a module to the description of the bench in it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from labtroupe.bench._bench_spec import BenchSpec
from labtroupe.bench._config import BenchConfig, make_config
from labtroupe.bench._document import read_document
from labtroupe.bench._instrument_table import read_instrument
from labtroupe.bench._mistakes import BenchConfigError, Mistake, did_you_mean
from labtroupe.bench._python_document import line_in, shown

BenchSource = str | os.PathLike[str] | BenchConfig | BenchSpec
"""What describes a bench: a file or a module by its name, or what has been read from one."""


def load_bench(source: BenchSource) -> BenchConfig:
    """Return the description of a bench, with all that it says held against what can be wrong.

    No device is opened.

    Args:
        source: A ``bench.toml``, or where there is a `BenchSpec`: a file that ends in ``.py``, or a
            module such as ``package.module``.  Of several, ``:NAME`` after it says which.  Or the
            `BenchSpec` itself; or what this has returned, as it is.

    Raises:
        BenchConfigError: Its ``mistakes`` are everything that is wrong.
    """
    match source:
        case BenchConfig():
            return source
        case BenchSpec():
            return source.config()
        case _:
            return _load(os.fspath(source))


def _load(source: str) -> BenchConfig:
    file, _, name = source.partition(":")
    if file.endswith(".py"):
        return _find_spec(_import_file(Path(file)), name, file).config()
    if _is_module(file) and not Path(source).exists():
        return _find_spec(_import(file), name, file).config()
    return make_config(read_document(Path(source)), read_instrument)


def _is_module(text: str) -> bool:
    """Return whether this is the name of a module, and of no file that was forgotten."""
    return all(part.isidentifier() for part in text.split(".")) and not text.endswith(".toml")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except BenchConfigError:
        raise
    except Exception as error:
        # A module that is imported may raise anything.
        missing = isinstance(error, ModuleNotFoundError) and name.startswith(str(error.name))
        what = "there is no such file, and no such module" if missing else _cannot(error)
        raise BenchConfigError.of([Mistake(name, 0, "", what)]) from error


def _import_file(path: Path) -> ModuleType:
    """Import a file as the module that it would be in its folder."""
    if not path.is_file():
        raise BenchConfigError.of([Mistake(str(path), 0, "", "there is no such file")])
    file, name = str(path.resolve()), path.stem
    loaded = sys.modules.get(name)
    if loaded is not None:
        if getattr(loaded, "__file__", None) == file:
            return loaded
        what = f"there is another module called {name}; give the file another name"
        raise BenchConfigError.of([Mistake(str(path), 0, "", what)])
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise AssertionError(f"{file} ends in .py, and is no Python")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, BenchConfigError) or not isinstance(error, Exception):
            raise
        raise BenchConfigError.of([Mistake(shown(file), line_in(file, error), "", _cannot(error))]) from error
    return module


def _cannot(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"this cannot be imported ({type(error).__name__}: {text})"


def _find_spec(module: ModuleType, name: str, source: str) -> BenchSpec:
    """Return the bench that a module describes, the one of this name where it has several."""
    specs = {key: value for key, value in vars(module).items() if isinstance(value, BenchSpec)}
    if name in specs or (len(set(specs.values())) == 1 and not name):
        return specs.get(name) or next(iter(specs.values()))
    if name:
        what = f"there is no BenchSpec called {name}{did_you_mean(name, specs)}"
    elif specs:
        what = f"there are several; write {' or '.join(f'{source}:{each}' for each in specs)}"
    else:
        what = 'there is no bench in it; write one, as in bench = BenchSpec("bench-1")'
    raise BenchConfigError.of([Mistake(source, 0, "", what)])
