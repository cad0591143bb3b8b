"""An actor that owns a device: the instrument, its link, and how it gets in step."""

from __future__ import annotations

from labtroupe.instrument._barrier import Barrier
from labtroupe.instrument._instrument import Instrument
from labtroupe.instrument._link import Link
from labtroupe.instrument._recorder import Direction, FlightRecorder, Frame

__all__ = ["Barrier", "Direction", "FlightRecorder", "Frame", "Instrument", "Link"]
