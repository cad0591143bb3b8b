"""Simulated devices that speak bytes over a pty or a loopback socket, and faults to inject into them."""

from labtroupe.simulation._bus import SimulatedBus
from labtroupe.simulation._catalog import SIMULATED, make_device
from labtroupe.simulation._device import LineDevice, SimulatedDevice
from labtroupe.simulation._duration import parse_duration
from labtroupe.simulation._linkam import LinkamStage
from labtroupe.simulation._menu import FAULTS, OPTIONS, Fault, FaultKind, FaultOption
from labtroupe.simulation._modbus_bus import ModbusBus
from labtroupe.simulation._multimeter import Multimeter
from labtroupe.simulation._power_supply import PowerSupply
from labtroupe.simulation._rack import Rack
from labtroupe.simulation._silent import Silent

__all__ = [
    "FAULTS",
    "OPTIONS",
    "SIMULATED",
    "Fault",
    "FaultKind",
    "FaultOption",
    "LineDevice",
    "LinkamStage",
    "ModbusBus",
    "Multimeter",
    "PowerSupply",
    "Rack",
    "Silent",
    "SimulatedBus",
    "SimulatedDevice",
    "make_device",
    "parse_duration",
]
