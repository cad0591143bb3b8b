"""labtroupe keeps lab instruments running: every instrument is an actor, kept alive by a supervisor.

What an application or a driver needs is here; the packages below hold the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labtroupe.actor import Actor, ActorRef, Reply
    from labtroupe.bench import Bench, open_bench
    from labtroupe.errors import CommandError, LabtroupeError, LinkError, Outcome
    from labtroupe.instrument import Barrier, Instrument, Link
    from labtroupe.lifecycle import State
    from labtroupe.messages import Message, Range, Unit, command
    from labtroupe.protocol import Lines
    from labtroupe.supervision import ChildSpec, Supervisor

__all__ = [
    "Actor",
    "ActorRef",
    "Barrier",
    "Bench",
    "ChildSpec",
    "CommandError",
    "Instrument",
    "LabtroupeError",
    "Lines",
    "Link",
    "LinkError",
    "Message",
    "Outcome",
    "Range",
    "Reply",
    "State",
    "Supervisor",
    "Unit",
    "command",
    "open_bench",
]

# Imported on first use: most of these need trio, which takes longer to import
# than `labtroupe status` takes to answer.
_HOMES = {
    "Actor": "actor",
    "ActorRef": "actor",
    "Barrier": "instrument",
    "Bench": "bench",
    "ChildSpec": "supervision",
    "CommandError": "errors",
    "Instrument": "instrument",
    "LabtroupeError": "errors",
    "Lines": "protocol",
    "Link": "instrument",
    "LinkError": "errors",
    "Message": "messages",
    "Outcome": "errors",
    "Range": "messages",
    "Reply": "actor",
    "State": "lifecycle",
    "Supervisor": "supervision",
    "Unit": "messages",
    "command": "messages",
    "open_bench": "bench",
}


def __getattr__(name: str) -> object:
    """Import a public name from the package it lives in."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'labtroupe' has no attribute {name!r}")
    return getattr(importlib.import_module(f"labtroupe.{home}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
