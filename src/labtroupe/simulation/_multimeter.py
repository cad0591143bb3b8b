"""A SCPI voltmeter that looks at a voltage which drifts slowly."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs

from labtroupe.simulation._physics import noise
from labtroupe.simulation._scpi import Handler, ScpiDevice, ScpiError, plain

# The drift goes up and down once in this time, in seconds.
_DRIFT_PERIOD = 600.0
_DRIFT = 2e-3  # of the voltage
_NOISE = 1e-5  # of the voltage, standard deviation
# One reading takes one period of the mains, in seconds.
_READING_TIME = 0.02
_MEASURE_PARAMETERS = 2


@attrs.define(eq=False)
class Multimeter(ScpiDevice):
    """A voltmeter with something connected to it.

    Attributes:
        volts: Mean of the voltage at its terminals, in volts.
        seed: Of the noise: the same one, the same readings.
    """

    model: ClassVar[str] = "Simulated Multimeter"

    latency: float = attrs.field(default=_READING_TIME, converter=float, kw_only=True)
    volts: float = attrs.field(default=5.0, converter=float, kw_only=True)
    seed: int = attrs.field(default=0, converter=int, kw_only=True)
    _age: float = attrs.field(default=0.0, init=False)
    _rng: random.Random = attrs.field(init=False)

    def power_on(self) -> None:
        """Begin the noise anew."""
        super().power_on()
        self._rng = noise(self.seed)

    def commands(self) -> Mapping[str, Handler]:
        """Return the two ways to ask for a reading."""
        return {"MEASure:VOLTage[:DC]?": self._measure, "READ?": plain(self._read)}

    def reset(self) -> None:
        """Nothing of it can be set."""

    def elapse(self, seconds: float) -> None:
        """Let the voltage drift."""
        self._age += seconds

    def voltage(self) -> float:
        """Return the voltage at its terminals, in volts, without noise."""
        return self.volts * (1 + _DRIFT * math.sin(2 * math.pi * self._age / _DRIFT_PERIOD))

    def _measure(self, parameters: Sequence[str]) -> str:
        """Return a reading; range and resolution may be given, and change nothing."""
        if len(parameters) > _MEASURE_PARAMETERS:
            raise ScpiError(-108)
        return self._read()

    def _read(self) -> str:
        return f"{self.voltage() + self._rng.gauss(0, abs(self.volts) * _NOISE):+.8E}"
