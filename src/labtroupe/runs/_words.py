"""What a log says of a procedure and of errors."""

from __future__ import annotations

import functools
import importlib.metadata
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from labtroupe.control import to_json
from labtroupe.errors import LabtroupeError
from labtroupe.runs._records import Begin


def begin_of(procedure: Callable[..., object], args: Sequence[object], bench: str) -> Begin:
    """Return the record that begins its log."""
    kwargs: dict[str, object] = {}
    if isinstance(procedure, functools.partial):
        given = cast("functools.partial[object]", procedure)
        procedure, args, kwargs = given.func, [*given.args, *args], given.keywords
    return Begin(
        time=time.time(),
        procedure=name_of(procedure),
        args=[plain(each) for each in args],
        kwargs={name: plain(each) for name, each in kwargs.items()},
        bench=bench,
        version=_version(),
    )


def name_of(procedure: Callable[..., object]) -> str:
    """Return where it is: its module and its name."""
    named = procedure if hasattr(procedure, "__qualname__") else type(procedure)
    return f"{named.__module__}:{named.__qualname__}"


def plain(value: object) -> Any:  # noqa: ANN401 - JSON is what it is
    """Return a value as it is now, as JSON; as text where that has no such form."""
    try:
        return msgspec.Raw(msgspec.json.encode(to_json(value)))
    except (TypeError, ValueError, RecursionError):
        # To report something is no reason to fail.
        return ascii(value)


def words(text: str) -> str:
    """Return a text that can be written: without half characters, as of file names that are not in UTF-8."""
    return text.encode(errors="replace").decode()


def reason_of(error: BaseException) -> str:
    """Return what an error says, with its class where it is not one of ours."""
    if isinstance(error, LabtroupeError):
        return words(str(error))
    return words(f"{type(error).__name__}: {error}".removesuffix(": "))


def code_of(error: BaseException) -> str:
    """Return the stable name of an error: its code, or its class where it has none."""
    return error.code if isinstance(error, LabtroupeError) else type(error).__name__


def _version() -> str:
    try:
        return importlib.metadata.version("labtroupe")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
