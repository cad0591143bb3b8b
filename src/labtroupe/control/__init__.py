"""What an operator can see and do, the same for every face of labtroupe."""

from __future__ import annotations

from labtroupe.control._arguments import make_message
from labtroupe.control._connecting import Connecting
from labtroupe.control._describe import CommandInfo, InstrumentDescription, ParameterInfo
from labtroupe.control._events import LatchesNotKept, LatchReset, StillMissing
from labtroupe.control._exact import to_exact
from labtroupe.control._feed import Feed, Missed
from labtroupe.control._operations import operations_of
from labtroupe.control._results import BenchStatus, CallResult, HaltResult, VerbResult
from labtroupe.control._server import open_listener, serve
from labtroupe.control._service import Service
from labtroupe.control._snapshot import (
    InstrumentInfo,
    InstrumentStatus,
    LatchStatus,
    ReadingStatus,
    RequestStatus,
    RestartStatus,
)
from labtroupe.control._wire import to_json

__all__ = [
    "BenchStatus",
    "CallResult",
    "CommandInfo",
    "Connecting",
    "Feed",
    "HaltResult",
    "InstrumentDescription",
    "InstrumentInfo",
    "InstrumentStatus",
    "LatchReset",
    "LatchStatus",
    "LatchesNotKept",
    "Missed",
    "ParameterInfo",
    "ReadingStatus",
    "RequestStatus",
    "RestartStatus",
    "Service",
    "StillMissing",
    "VerbResult",
    "make_message",
    "open_listener",
    "operations_of",
    "serve",
    "to_exact",
    "to_json",
]
