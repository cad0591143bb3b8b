"""DC power supplies with one output that follow SCPI's instrument class for them.

After SCPI-1999, volume 4, "DC Power Supplies": ``VOLTage``, ``CURRent``, ``OUTPut``, ``MEASure``.
"""

from __future__ import annotations

from typing import Annotated

import attrs

from labtroupe.errors import ArgumentError, CommandRefused
from labtroupe.kinds._scpi import ScpiInstrument
from labtroupe.messages import Range, Unit, command, reading

Volts = Annotated[float, Unit("V")]
Amperes = Annotated[float, Unit("A")]


@attrs.frozen
class OutputStatus:
    """What a supply does at one moment.

    Attributes:
        on: Whether the output is switched on.
        voltage: At the output, in volts.
        current: Through it, in amperes.
        tripped: Whether the over-current protection has switched it off.
    """

    on: bool
    voltage: Annotated[float, Unit("V")]
    current: Annotated[float, Unit("A")]
    tripped: bool


@attrs.define(eq=False)
class DCPowerSupply(ScpiInstrument):
    """A DC power supply.

    Attributes:
        max_voltage: Volts this bench allows it, whatever the supply itself could do.
        max_current: Amperes this bench allows it.
    """

    simulation = "sim:dc-power-supply"

    max_voltage: Annotated[float, Range(0.0)] = 30.0
    max_current: Annotated[float, Range(0.0)] = 3.0

    async def safe_state(self) -> None:
        """Switch the output off, and see that it is.

        Raises:
            CommandRefused: It is still on.
        """
        # Before anything else: whatever is in the error queue can wait.
        await self.link.write("OUTP OFF")
        if await self._number("OUTP?") != 0:
            raise CommandRefused("the output is still on")

    @command(timeout=3.0)
    async def set_voltage(self, volts: Annotated[float, Range(0.0), Unit("V")]) -> None:
        """Set the voltage the output is to have.

        Raises:
            ArgumentError: More than ``max_voltage``; nothing was sent.
            CommandRefused: The supply cannot do it.
        """
        _hold_against("volts", volts, self.max_voltage)
        await self.write(f"VOLT {volts:.4f}")

    @command(timeout=3.0)
    async def set_current(self, amperes: Annotated[float, Range(0.0), Unit("A")]) -> None:
        """Set the current the output may give at most.

        Raises:
            ArgumentError: More than ``max_current``; nothing was sent.
            CommandRefused: The supply cannot do it.
        """
        _hold_against("amperes", amperes, self.max_current)
        await self.write(f"CURR {amperes:.4f}")

    @command(timeout=3.0)
    async def switch(self, on: bool) -> None:  # noqa: FBT001 - `labtroupe call psu switch on`
        """Switch the output on or off."""
        await self.write(f"OUTP {'ON' if on else 'OFF'}")

    @reading(timeout=3.0)
    async def voltage(self) -> Volts:
        """Voltage measured at the output, in volts."""
        return await self._number("MEAS:VOLT?")

    @reading(timeout=3.0)
    async def current(self) -> Amperes:
        """Current measured through the output, in amperes."""
        return await self._number("MEAS:CURR?")

    @reading(timeout=5.0)
    async def status(self) -> OutputStatus:
        """Whether the output is on, what it gives, and whether the protection has tripped."""
        return OutputStatus(
            on=await self._number("OUTP?") != 0,
            voltage=await self.voltage(),
            current=await self.current(),
            tripped=await self._number("CURR:PROT:TRIP?") != 0,
        )


def _hold_against(name: str, value: float, limit: float) -> None:
    if value > limit:
        raise ArgumentError(
            f"{name} must be at most {limit:g} on this bench, not {value:g}",
            remedy="The limit is a setting in bench.toml; raise it if what hangs on the output allows it.",
        )
