"""labtroupe keeps lab instruments running: every instrument is an actor, kept alive by a supervisor.

What an application or a driver needs is here; the packages below hold the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labtroupe.lazy import lazy

if TYPE_CHECKING:
    from labtroupe.actor import Actor, ActorRef, Change, ChangeKind, Reply, background, finish, gather
    from labtroupe.bench import Bench, BenchSpec, InstrumentSpec, open_bench
    from labtroupe.errors import CommandError, LabtroupeError, LinkError, Outcome
    from labtroupe.instrument import Barrier, DeviceClear, Instrument, Link, Quiet, Tag
    from labtroupe.lifecycle import State
    from labtroupe.messages import (
        Message,
        Missed,
        Quality,
        Range,
        Reading,
        Unit,
        command,
        every,
        reading,
        when_idle,
    )
    from labtroupe.protocol import Lines
    from labtroupe.supervision import ChildSpec, Supervisor

__all__ = [
    "Actor",
    "ActorRef",
    "Barrier",
    "Bench",
    "BenchSpec",
    "Change",
    "ChangeKind",
    "ChildSpec",
    "CommandError",
    "DeviceClear",
    "Instrument",
    "InstrumentSpec",
    "LabtroupeError",
    "Lines",
    "Link",
    "LinkError",
    "Message",
    "Missed",
    "Outcome",
    "Quality",
    "Quiet",
    "Range",
    "Reading",
    "Reply",
    "State",
    "Supervisor",
    "Tag",
    "Unit",
    "background",
    "command",
    "every",
    "finish",
    "gather",
    "open_bench",
    "reading",
    "when_idle",
]

# Imported on first use: most of these need trio, which takes longer to import
# than `labtroupe status` takes to answer.
_HOMES = {
    "Actor": "actor",
    "ActorRef": "actor",
    "Barrier": "instrument",
    "Bench": "bench",
    "BenchSpec": "bench",
    "Change": "actor",
    "ChangeKind": "actor",
    "ChildSpec": "supervision",
    "CommandError": "errors",
    "DeviceClear": "instrument",
    "Instrument": "instrument",
    "InstrumentSpec": "bench",
    "LabtroupeError": "errors",
    "Lines": "protocol",
    "Link": "instrument",
    "LinkError": "errors",
    "Message": "messages",
    "Missed": "messages",
    "Outcome": "errors",
    "Quality": "messages",
    "Quiet": "instrument",
    "Range": "messages",
    "Reading": "messages",
    "Reply": "actor",
    "State": "lifecycle",
    "Supervisor": "supervision",
    "Tag": "instrument",
    "Unit": "messages",
    "background": "actor",
    "command": "messages",
    "every": "messages",
    "when_idle": "messages",
    "finish": "actor",
    "gather": "actor",
    "open_bench": "bench",
    "reading": "messages",
}

__getattr__ = lazy(__name__, _HOMES)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
