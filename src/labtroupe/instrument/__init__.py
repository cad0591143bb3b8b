"""An actor that owns a device: the instrument, its link, how it gets in step, and buses with many."""

from __future__ import annotations

from labtroupe.instrument._acquaintance import Reattach
from labtroupe.instrument._bus import Addressed, Bus
from labtroupe.instrument._bus_link import BusLink
from labtroupe.instrument._complete import check_complete
from labtroupe.instrument._debts import Debts, Owed
from labtroupe.instrument._instrument import Instrument
from labtroupe.instrument._link import Link
from labtroupe.instrument._manners import Manners
from labtroupe.instrument._recorder import Direction, FlightRecorder, Frame
from labtroupe.instrument._resync import Barrier, DeviceClear, Quiet, Strategy
from labtroupe.instrument._tag import Tag
from labtroupe.instrument._wire import Wire

__all__ = [
    "Addressed",
    "Barrier",
    "Bus",
    "BusLink",
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
    "Reattach",
    "Strategy",
    "Tag",
    "Wire",
    "check_complete",
]
