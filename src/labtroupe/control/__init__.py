"""What an operator can see and do, the same for every face of labtroupe."""

from __future__ import annotations

from labtroupe.control._arguments import make_message
from labtroupe.control._connecting import Connecting
from labtroupe.control._events import LatchesNotKept, LatchReset, StillMissing
from labtroupe.control._exact import to_exact
from labtroupe.control._feed import Feed, Missed
from labtroupe.control._operations import operations_of
from labtroupe.control._server import open_listener, serve
from labtroupe.control._service import Service
from labtroupe.control._snapshot import InstrumentInfo
from labtroupe.control._wire import to_json

__all__ = [
    "Connecting",
    "Feed",
    "InstrumentInfo",
    "LatchReset",
    "LatchesNotKept",
    "Missed",
    "Service",
    "StillMissing",
    "make_message",
    "open_listener",
    "operations_of",
    "serve",
    "to_exact",
    "to_json",
]
