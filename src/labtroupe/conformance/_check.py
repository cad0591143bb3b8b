"""A check: one promise that a driver keeps or not."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

import attrs

from labtroupe.conformance._trial import Ground

Run = Callable[[Ground], Awaitable[str]]
"""Tries it: returns what was seen, or raises `Shortfall` or `NotDeclared`."""


@attrs.frozen
class Check:
    """One promise that a driver keeps or not.

    Attributes:
        name: What it is called.
        promise: The promise, in one sentence.
        fix: What to do about a driver that does not keep it.
        run: Tries it.
    """

    name: str
    promise: str
    fix: str
    run: Run


def check(*, fix: str) -> Callable[[Run], Check]:
    """Make a function a check: its name is that of the check, the first line of its docstring the promise."""

    def make(function: Run) -> Check:
        promise = inspect.getdoc(function) or ""
        return Check(function.__name__.replace("_", "-"), promise.splitlines()[0], fix, function)

    return make
