"""An actor that owns a device: the instrument, its link, and how it gets in step."""

from __future__ import annotations

from labtroupe.instrument._debts import Debts, Owed
from labtroupe.instrument._instrument import Instrument
from labtroupe.instrument._link import Link
from labtroupe.instrument._manners import Manners
from labtroupe.instrument._recorder import Direction, FlightRecorder, Frame
from labtroupe.instrument._resync import Barrier, DeviceClear, Quiet, Strategy
from labtroupe.instrument._tag import Tag
from labtroupe.instrument._wire import Wire

__all__ = [
    "Barrier",
    "Debts",
    "DeviceClear",
    "Direction",
    "FlightRecorder",
    "Frame",
    "Instrument",
    "Link",
    "Manners",
    "Owed",
    "Quiet",
    "Strategy",
    "Tag",
    "Wire",
]
