"""What an operator can see and do, the same for every face of labtroupe."""

from __future__ import annotations

from labtroupe.control._describe import CommandInfo, InstrumentDescription, ParameterInfo
from labtroupe.control._feed import Feed, Missed
from labtroupe.control._server import open_listener, serve
from labtroupe.control._service import BenchStatus, CallResult, Service, VerbResult
from labtroupe.control._snapshot import InstrumentInfo, InstrumentStatus

__all__ = [
    "BenchStatus",
    "CallResult",
    "CommandInfo",
    "Feed",
    "InstrumentDescription",
    "InstrumentInfo",
    "InstrumentStatus",
    "Missed",
    "ParameterInfo",
    "Service",
    "VerbResult",
    "open_listener",
    "serve",
]
