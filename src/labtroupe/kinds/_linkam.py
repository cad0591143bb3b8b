"""Linkam's T95 system controllers: heating and freezing stages for microscopes.

Protocol: serial 19200 baud, 8N1, lines that end with a carriage return.  From
"Linkam Serial Communications Protocol" for the T95 series: ``T`` is answered by
ten status bytes, every other command by an empty line.
"""

from __future__ import annotations

import enum
import re
from typing import Annotated, Final

import attrs
import trio

from labtroupe.instrument import Barrier, Instrument
from labtroupe.messages import Range, Unit, command, reading, when_idle
from labtroupe.protocol import Lines

# SB1 any byte; EB1, PB1 and three reserved ones have the top bit set; then the
# temperature in tenths of a degree, as four hexadecimal digits of a 16-bit two's complement.
_STATUS_LENGTH: Final = 10
_STATUS: Final = re.compile(rb"(?s)(.)([\x80-\xff])([\x80-\xff])[\x80-\xff]{3}([0-9a-fA-F]{4})\Z")

# Seconds until a controller that was told something is looked at again.
_LOOK_AGAIN: Final = 0.1

Celsius = Annotated[float, Unit("degC")]
Limit = Annotated[float, Range(-200.0, 600.0), Unit("degC")]
Rate = Annotated[float, Range(0.01, 150.0), Unit("degC/min")]


class Mode(enum.StrEnum):
    """What the stage is doing, from its first status byte."""

    STOPPED = "stopped"
    HEATING = "heating"
    COOLING = "cooling"
    HOLDING_LIMIT = "holding at the limit"
    HOLDING_TIME = "holding the limit for a set time"
    HOLDING = "holding the present temperature"


_MODES: Final = {
    0x01: Mode.STOPPED,
    0x10: Mode.HEATING,
    0x20: Mode.COOLING,
    0x30: Mode.HOLDING_LIMIT,
    0x40: Mode.HOLDING_TIME,
    0x50: Mode.HOLDING,
}


@attrs.frozen
class StageStatus:
    """What a stage says about itself.

    Attributes:
        mode: What it is doing.
        temperature: Of the stage, in degrees Celsius, to a tenth.
        errors: The flags of its error byte; 0 for none.
        pump_speed: Of the liquid-nitrogen pump, from 0 to 30.
    """

    mode: Mode
    temperature: Annotated[float, Unit("degC")]
    errors: int
    pump_speed: int


def is_status(answer: bytes) -> bool:
    """Return whether an answer is one to ``T``."""
    return _STATUS.match(answer) is not None


def is_acknowledgement(answer: bytes) -> bool:
    """Return whether an answer is one to any command but ``T``: an empty line, or nearly so."""
    # Not all controllers and simulators leave the line quite empty; what counts
    # is that it can never be taken for a status, nor a status for it.
    return len(answer) < _STATUS_LENGTH


@attrs.frozen
class _Ramp:
    """A ramp that was started."""

    limit: float
    rate: float


@attrs.define(eq=False)
class LinkamT95(Instrument):
    """A Linkam T95 stage controller: ramps a stage to a limit at a rate, and holds it there."""

    framing = Lines(b"\r")
    simulation = "sim:linkam-t95"
    # Answers to T look alike, hence the lateness: a stage answers within 0.1 s.
    resync = (Barrier(b"T", is_status, lateness=0.5),)

    async def has_forgotten(self) -> bool | None:
        """Return whether it is stopped, although a ramp was started: so it begins when it is switched on."""
        if self.recall(_Ramp) is None:
            return None
        return (await self.status()).mode is Mode.STOPPED

    async def restore(self) -> None:
        """Start the last ramp again, from the present temperature."""
        ramp = self.recall(_Ramp)
        if ramp is not None:
            await self._start(ramp)

    async def reset_device(self) -> None:
        """Stop heating and cooling."""
        await self.stop()

    async def safe_state(self) -> None:
        """Stop heating and cooling, and wait until they have; the stage drifts to room temperature.

        A pump that was switched to run by hand, at its controller, is left alone.
        """
        await self.stop()
        while (await self.status()).mode is not Mode.STOPPED:  # noqa: ASYNC110 - the device has no events
            await trio.sleep(_LOOK_AGAIN)

    @when_idle(10.0)
    @reading(timeout=2.0)
    async def temperature(self) -> Celsius:
        """Temperature of the stage, in degrees Celsius."""
        return (await self.status()).temperature

    @reading(timeout=2.0)
    async def status(self) -> StageStatus:
        """Mode, temperature, error flags and pump speed, all at one moment."""
        answer = await self.link.exchange(b"T", is_status)
        match = _STATUS.match(answer)
        assert match is not None  # noqa: S101 - the shape check has just passed
        mode, errors, pump, tenths = match.groups()
        raw = int(tenths, 16)
        return StageStatus(
            mode=_MODES.get(mode[0], Mode.STOPPED),
            temperature=(raw - 0x10000 if raw & 0x8000 else raw) / 10,
            errors=errors[0] & 0x7F,
            pump_speed=pump[0] & 0x7F,
        )

    @command(timeout=2.0)
    async def ramp(self, limit: Limit, rate: Rate = 10.0) -> None:
        """Go to a temperature at a rate, and hold it there; returns when the ramp has started.

        Args:
            limit: Where to go, in degrees Celsius.
            rate: How fast, in degrees Celsius per minute.
        """
        self.remember(None)
        ramp = _Ramp(limit, rate)
        await self._start(ramp)
        self.remember(ramp)

    @command(timeout=2.0)
    async def start(self) -> None:
        """Start heating or cooling towards the limit."""
        self.remember(None)
        await self._set("S")

    @command(timeout=2.0)
    async def hold(self) -> None:
        """Hold the present temperature until told to go on."""
        self.remember(None)
        await self._set("O")

    @command(timeout=2.0, idempotent=True)
    async def stop(self) -> None:
        """Stop heating and cooling; the stage drifts to room temperature."""
        self.remember(None)
        await self._set("E")

    async def _start(self, ramp: _Ramp) -> None:
        await self._set(f"R1{round(ramp.rate * 100)}")
        await self._set(f"L1{round(ramp.limit * 10)}")
        await self._set("S")

    async def _set(self, request: str) -> None:
        data = request.encode("ascii")
        # An adapter that sends back what it is sent does not acknowledge it.
        await self.link.exchange(data, lambda answer: is_acknowledgement(answer) and answer != data)
