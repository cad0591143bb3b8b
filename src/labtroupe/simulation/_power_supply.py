"""A SCPI supply with one output, a load at it, a current limit, and a protection that trips."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs

from labtroupe.simulation._physics import noise, ramp
from labtroupe.simulation._scpi import Handler, ScpiDevice, ScpiError, parse_boolean, parse_number, plain

# How fast the output moves, in V/s: 30 V take 300 ms.
_SLEW = 100.0
_NOISE = 2e-4  # V and A, standard deviation


@attrs.define(eq=False)
class PowerSupply(ScpiDevice):
    """A supply that holds its voltage, or its current where the load takes too much.

    Attributes:
        max_volts: What it can be set to, in volts.
        max_amps: What it can be set to, in amperes.
        load: Resistance at its output, in ohms; may be changed at any time.
        seed: Of the noise: the same one, the same readings.
        volts: Set voltage.
        amps: Current limit.
        is_on: Whether the output is switched on.
        is_protected: Whether reaching the current limit trips the output.
        has_tripped: Whether it did; until cleared the output stays off.
        output: Voltage at the output, in volts, without noise.
    """

    model: ClassVar[str] = "Simulated DC Supply"

    max_volts: float = attrs.field(default=30.0, converter=float, kw_only=True)
    max_amps: float = attrs.field(default=3.0, converter=float, kw_only=True)
    load: float = attrs.field(default=10.0, converter=float, kw_only=True, validator=attrs.validators.gt(0))
    seed: int = attrs.field(default=0, converter=int, kw_only=True)
    volts: float = attrs.field(init=False)
    amps: float = attrs.field(init=False)
    is_on: bool = attrs.field(init=False)
    is_protected: bool = attrs.field(init=False)
    has_tripped: bool = attrs.field(init=False)
    output: float = attrs.field(init=False)
    _rng: random.Random = attrs.field(init=False)

    def power_on(self) -> None:
        """Be as after a reset, with nothing at the output."""
        super().power_on()
        self.output = 0.0
        self._rng = noise(self.seed)

    def commands(self) -> Mapping[str, Handler]:
        """Return set points, output, readings and protection."""
        return {
            "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]": self._set_volts,
            "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]?": plain(lambda: f"{self.volts:.4f}"),
            "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]": self._set_amps,
            "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]?": plain(lambda: f"{self.amps:.4f}"),
            "[SOURce:]CURRent:PROTection:STATe": self._protect,
            "[SOURce:]CURRent:PROTection:STATe?": plain(lambda: f"{self.is_protected:d}"),
            "[SOURce:]CURRent:PROTection:TRIPped?": plain(lambda: f"{self.has_tripped:d}"),
            "[SOURce:]CURRent:PROTection:CLEar": plain(self._clear_trip),
            "OUTPut[:STATe]": self._switch,
            "OUTPut[:STATe]?": plain(lambda: f"{self.is_on:d}"),
            "MEASure[:SCALar]:VOLTage[:DC]?": plain(lambda: self._reading(self.output)),
            "MEASure[:SCALar]:CURRent[:DC]?": plain(lambda: self._reading(self.output / self.load)),
        }

    def reset(self) -> None:
        """Switch off, and set everything to its least, the current limit to its most."""
        self.volts = 0.0
        self.amps = self.max_amps
        self.is_on = False
        self.is_protected = False
        self.has_tripped = False

    def elapse(self, seconds: float) -> None:
        """Move the output to where it should be; trip on the way if the current gets there."""
        target = self._target()
        time_needed = abs(target - self.output) / _SLEW
        self.output = ramp(self.output, target, _SLEW, seconds)
        if self.is_protected and self.is_limiting() and seconds >= time_needed:
            self.is_on = False
            self.has_tripped = True
            self.output = ramp(self.output, 0.0, _SLEW, seconds - time_needed)

    def is_limiting(self) -> bool:
        """Return whether the load would take more than the current limit (constant current)."""
        return self.is_on and self.volts > self.amps * self.load

    def _target(self) -> float:
        """Return the voltage the output is going to."""
        return min(self.volts, self.amps * self.load) if self.is_on else 0.0

    def _set_volts(self, parameters: Sequence[str]) -> None:
        self.volts = parse_number(parameters, 0.0, self.max_volts)

    def _set_amps(self, parameters: Sequence[str]) -> None:
        self.amps = parse_number(parameters, 0.0, self.max_amps)

    def _protect(self, parameters: Sequence[str]) -> None:
        self.is_protected = parse_boolean(parameters)

    def _switch(self, parameters: Sequence[str]) -> None:
        is_on = parse_boolean(parameters)
        if is_on and self.has_tripped:
            raise ScpiError(-221)
        self.is_on = is_on

    def _clear_trip(self) -> None:
        self.has_tripped = False

    def _reading(self, value: float) -> str:
        return f"{value + self._rng.gauss(0, _NOISE):.4f}"
