"""Modbus: any device that speaks it, and the bus that many of them share.

After "Modbus Application Protocol Specification" V1.1b3 and "Modbus over Serial Line" V1.02.  Needs
the extra ``labtroupe[modbus]``; without it, to import this raises a `ConfigError`.
"""

from __future__ import annotations

from typing import Annotated

import attrs

from labtroupe.instrument import Addressed, Bus, Quiet
from labtroupe.messages import Range, command, when_idle
from labtroupe.protocol import modbus

__all__ = ["ModbusInstrument", "ModbusRtuBus"]

Address = Annotated[int, Range(0, 0xFFFF)]
Count = Annotated[int, Range(1, 125)]
Value = Annotated[int, Range(0, 0xFFFF)]


@attrs.define(eq=False)
class ModbusRtuBus(Bus):
    """A serial line with several Modbus devices on it, such as RS-485."""

    framing = modbus.Rtu()
    simulation = "sim:modbus-rtu-bus?units={units}"
    # The specification says 1.5 ms; adapters on USB hand on what they have got every 16 ms.
    gap = 0.05
    # 3.5 characters at 9600 baud, and some.
    spacing = 0.005

    @staticmethod
    def address_in(frame: bytes) -> bytes:
        """Return the address that every frame begins with."""
        return frame[:1]

    def sign_of_life(self, unit: int) -> bytes:
        """Return a request for a register; a device that has none says so, which is as good."""
        return modbus.read_holding_registers(unit, 0)

    @command(timeout=3.0)
    async def write_everywhere(self, address: Address, value: Value) -> None:
        """Write one register of all devices; none of them says whether it has."""
        await self.broadcast(modbus.write_register(modbus.ALL_UNITS, address, value))


@attrs.define(eq=False)
class ModbusInstrument(Addressed):
    """A device that speaks Modbus RTU; a base for those with commands of their own."""

    framing = modbus.Rtu()
    simulation = "sim:modbus-rtu-bus?units={units}"
    # Alone on its port; on a bus, that gets in step.
    resync = (Quiet(1.0),)

    unit: Annotated[int, Range(1, 247)]

    async def request(self, request: bytes) -> bytes:
        """Return the answer to a request of `labtroupe.protocol.modbus`."""
        return await self.link.exchange(request, modbus.answers(request))

    @when_idle(10.0)
    @command(timeout=3.0, idempotent=True)
    async def look(self) -> None:
        """See that it answers, whatever that is."""
        await self.request(modbus.read_holding_registers(self.unit, 0))

    @command(timeout=3.0, idempotent=True)
    async def holding_registers(self, address: Address, count: Count = 1) -> list[int]:
        """Read registers that can be written, from an address on."""
        request = modbus.read_holding_registers(self.unit, address, count)
        return modbus.registers(await self.request(request))

    @command(timeout=3.0, idempotent=True)
    async def input_registers(self, address: Address, count: Count = 1) -> list[int]:
        """Read registers that are measured, from an address on."""
        request = modbus.read_input_registers(self.unit, address, count)
        return modbus.registers(await self.request(request))

    @command(timeout=3.0)
    async def write_register(self, address: Address, value: Value) -> None:
        """Write one register."""
        modbus.raise_refusal(await self.request(modbus.write_register(self.unit, address, value)))
