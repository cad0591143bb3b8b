"""Tables with names of their own, such as [instruments.NAME]: what is wrong before they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from labtroupe.bench._mistakes import Finding
from labtroupe.bench._words import describe

Parent = Literal["instruments", "groups"]
"""What such tables are under."""

BEGIN: Final[Mapping[Parent, str]] = {
    "instruments": "begin an instrument with [instruments.NAME]",
    "groups": "begin a group with [groups.NAME]",
}
"""How to write one."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def wrong_name(name: str, parent: Parent) -> Iterator[Finding]:
    """Find what is wrong with the name of a table."""
    if not _NAME.fullmatch(name):
        what = f"no {parent.removesuffix('s')} can have this name"
        yield Finding((), f"{what}; use letters, digits, - and _, and begin with a letter")


def no_table(value: object, parent: Parent) -> Finding:
    """Return what is wrong with a value that must be such a table, or the table of all of them."""
    return Finding((), f"must be a table, not {describe(value)}; {BEGIN[parent]}")
