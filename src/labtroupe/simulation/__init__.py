"""Simulated devices that speak bytes over a pty, a socket or memory, and faults to inject into them."""

from labtroupe.simulation._bus import SimulatedBus
from labtroupe.simulation._cable import Cable, Hear
from labtroupe.simulation._catalog import SIMULATED, make_device
from labtroupe.simulation._device import LineDevice, SimulatedDevice
from labtroupe.simulation._duration import parse_duration
from labtroupe.simulation._faults import FLOOD_INTERVAL, Faults
from labtroupe.simulation._framed import FramedDevice
from labtroupe.simulation._linkam import LinkamStage
from labtroupe.simulation._menu import FAULTS, OPTIONS, Fault, FaultKind, FaultOption
from labtroupe.simulation._modbus_bus import ModbusBus
from labtroupe.simulation._multimeter import Multimeter
from labtroupe.simulation._power_supply import PowerSupply
from labtroupe.simulation._rack import Rack, Via
from labtroupe.simulation._script import Script, ScriptBroken
from labtroupe.simulation._silent import Silent
from labtroupe.simulation._tape import Tape

__all__ = [
    "FAULTS",
    "FLOOD_INTERVAL",
    "OPTIONS",
    "SIMULATED",
    "Cable",
    "Fault",
    "FaultKind",
    "FaultOption",
    "Faults",
    "FramedDevice",
    "Hear",
    "LineDevice",
    "LinkamStage",
    "ModbusBus",
    "Multimeter",
    "PowerSupply",
    "Rack",
    "Script",
    "ScriptBroken",
    "Silent",
    "SimulatedBus",
    "SimulatedDevice",
    "Tape",
    "Via",
    "make_device",
    "parse_duration",
]
