"""DC power supplies with one output that follow SCPI's instrument class for them.

After SCPI-1999, volume 4, "DC Power Supplies": ``VOLTage``, ``CURRent``, ``OUTPut``, ``MEASure``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Final

import attrs
import trio

from labtroupe.errors import ArgumentError, CommandRefused
from labtroupe.kinds._scpi import ScpiInstrument
from labtroupe.messages import Range, Unit, command, reading

Volts = Annotated[float, Unit("V")]
Amperes = Annotated[float, Unit("A")]

# Seconds between two steps of a voltage that is brought back.
_STEP: Final = 0.1


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


@attrs.frozen
class _Settings:
    """All that is set."""

    volts: float
    amperes: float
    on: bool


@attrs.define(eq=False)
class DCPowerSupply(ScpiInstrument):
    """A DC power supply.

    Attributes:
        max_voltage: Volts this bench allows it, whatever the supply itself could do.
        max_current: Amperes this bench allows it.
        restore_rate: Volts per second at which a voltage is brought back, where ``reattach = "restore"``.
    """

    simulation = "sim:dc-power-supply"

    max_voltage: Annotated[float, Range(0.0)] = 30.0
    max_current: Annotated[float, Range(0.0)] = 3.0
    restore_rate: Annotated[float, Range(0.01)] = 5.0

    async def safe_state(self) -> None:
        """Switch the output off, and see that it is.

        Raises:
            CommandRefused: It is still on.
        """
        self._note_off()
        # Before anything else: whatever is in the error queue can wait.
        await self.link.write("OUTP OFF")
        if await self._number("OUTP?") != 0:
            raise CommandRefused("the output is still on")

    async def restore(self) -> None:
        """Set again what was set; an output that was on is on again, and its voltage goes back in steps.

        Raises:
            CommandRefused: The supply cannot do it.
        """
        was = self.recall(_Settings)
        if was is None:
            return
        if not was.on:
            await self._write("OUTP OFF")
        await self._write(f"CURR {was.amperes:.4f}")
        if was.on:
            if not await self._number("OUTP?"):
                await self._write("VOLT 0")
                await self._write("OUTP ON")
            await self._approach(was.volts)
        await self._write(f"VOLT {was.volts:.4f}")

    @command(timeout=3.0)
    async def set_voltage(self, volts: Annotated[float, Range(0.0), Unit("V")]) -> None:
        """Set the voltage the output is to have.

        Raises:
            ArgumentError: More than ``max_voltage``; nothing was sent.
            CommandRefused: The supply cannot do it.
        """
        _hold_against("volts", volts, self.max_voltage)
        await self._set(f"VOLT {volts:.4f}", lambda was: attrs.evolve(was, volts=volts))

    @command(timeout=3.0)
    async def set_current(self, amperes: Annotated[float, Range(0.0), Unit("A")]) -> None:
        """Set the current the output may give at most.

        Raises:
            ArgumentError: More than ``max_current``; nothing was sent.
            CommandRefused: The supply cannot do it.
        """
        _hold_against("amperes", amperes, self.max_current)
        await self._set(f"CURR {amperes:.4f}", lambda was: attrs.evolve(was, amperes=amperes))

    @command(timeout=3.0)
    async def switch(self, on: bool) -> None:  # noqa: FBT001 - `labtroupe call psu switch on`
        """Switch the output on or off."""
        if on:
            # To be read anew: somebody may have set the others at its front panel.
            self.remember(None)
        await self._set(f"OUTP {'ON' if on else 'OFF'}", lambda was: attrs.evolve(was, on=on))

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
        found = OutputStatus(
            on=await self._number("OUTP?") != 0,
            voltage=await self.voltage(),
            current=await self.current(),
            tripped=await self._number("CURR:PROT:TRIP?") != 0,
        )
        if not found.on or found.tripped:
            # A person has switched it off, or the protection: that is not for `restore` to undo.
            self._note_off()
        return found

    async def _set(self, request: str, change: Callable[[_Settings], _Settings]) -> None:
        """Send a command, and remember what is set after it; if it is cut off, nobody knows."""
        before = self.recall(_Settings)
        self.remember(None)
        try:
            await self._write(request)
        except CommandRefused:
            self.remember(before)
            raise
        if before is not None:
            self.remember(change(before))
        elif self.restores:
            # Not on each bench: some supplies do not answer all of this.
            self.remember(await self._read_settings())

    async def _read_settings(self) -> _Settings:
        return _Settings(
            volts=await self._number("VOLT?"),
            amperes=await self._number("CURR?"),
            on=await self._number("OUTP?") != 0,
        )

    def _note_off(self) -> None:
        """Remember that the output is off, so that it stays so."""
        was = self.recall(_Settings)
        if was is not None and was.on:
            self.remember(attrs.evolve(was, on=False))

    async def _approach(self, volts: float) -> None:
        """Go near to a voltage, from the one that is set, in steps."""
        now, step = await self._number("VOLT?"), self.restore_rate * _STEP
        while abs(volts - now) > step:
            began = trio.current_time()
            now += math.copysign(step, volts - now)
            await self._write(f"VOLT {now:.4f}")
            await trio.sleep_until(began + _STEP)


def _hold_against(name: str, value: float, limit: float) -> None:
    if value > limit:
        raise ArgumentError(
            f"{name} must be at most {limit:g} on this bench, not {value:g}",
            remedy="The limit is a setting in bench.toml; raise it if what hangs on the output allows it.",
        )
