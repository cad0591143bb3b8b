"""The kinds of instruments that come with labtroupe; examples of how to write one."""

from __future__ import annotations

from labtroupe.kinds._dc_power_supply import DCPowerSupply, OutputStatus
from labtroupe.kinds._linkam import LinkamT95, Mode, StageStatus
from labtroupe.kinds._scpi import Identity, ScpiInstrument

__all__ = ["DCPowerSupply", "Identity", "LinkamT95", "Mode", "OutputStatus", "ScpiInstrument", "StageStatus"]
