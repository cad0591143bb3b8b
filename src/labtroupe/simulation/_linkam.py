"""A Linkam T95 stage controller: ten status bytes, ramps, a cooling pump.

After the serial protocol of Linkam's T95 manual; CR ends both ways, at 19200 baud 8N1.
"""

from __future__ import annotations

import enum
import random
import re
from collections.abc import Callable, Mapping
from typing import ClassVar

import attrs

from labtroupe.simulation._device import LineDevice
from labtroupe.simulation._physics import noise, ramp, settle

_RATES = range(1, 15000 + 1)  # 0.01 degC/min
_LIMITS = range(-2000, 6000 + 1)  # 0.1 degC
_TOP_PUMP_SPEED = 30
# A stage left alone goes back to ambient with this time constant, in seconds.
_SETTLING = 90.0
# Standard deviation of a reading, in degC; the resolution is 0.1.
_NOISE = 0.03
# Ramps downwards faster than this, in degC/min, are more than the pump can do.
_FASTEST_COOLING = 50.0
_COOLING_TOO_FAST = 0x01
# Most bytes of the status have their highest bit set, so that none is a CR.
_HIGH = 0x80


class Mode(enum.Enum):
    """What the controller was told to do."""

    STOPPED = enum.auto()
    STARTED = enum.auto()
    HELD = enum.auto()


@attrs.define(eq=False)
class LinkamStage(LineDevice):
    """A heating and cooling stage that follows its ramps exactly and reads a little noisily.

    Attributes:
        ambient: Temperature of the room, in degC.
        seed: Of the sensor's noise: the same one, the same readings.
        temperature: Of the stage itself, in degC, without noise.
        rate: Speed of a ramp, in degC/min; survives a power cycle, as the limit does.
        limit: Where a ramp ends, in degC.
        mode: What it was told to do.
        pump_is_manual: Whether the pump runs at ``pump_speed`` instead of what a ramp needs.
        pump_speed: 0 to 30.
    """

    end: ClassVar[bytes] = b"\r"
    reply_end: ClassVar[bytes] = b"\r"

    ambient: float = attrs.field(default=24.0, converter=float, kw_only=True)
    seed: int = attrs.field(default=0, converter=int, kw_only=True)
    temperature: float = attrs.field(init=False)
    rate: float = attrs.field(default=5.0, init=False)
    limit: float = attrs.field(default=24.0, init=False)
    mode: Mode = attrs.field(init=False)
    pump_is_manual: bool = attrs.field(init=False)
    pump_speed: int = attrs.field(init=False)
    _greeted: bool = attrs.field(init=False)
    _rng: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin at ambient temperature, and switch it on."""
        self.temperature = self.ambient
        super().__attrs_post_init__()

    def power_on(self) -> None:
        """Be stopped and silent; the stage stays as warm as it is."""
        self.mode = Mode.STOPPED
        self.pump_is_manual = False
        self.pump_speed = 0
        self._greeted = False
        self._rng = noise(self.seed)

    def elapse(self, seconds: float) -> None:
        """Go on with the ramp, or settle to ambient when stopped."""
        if self.mode is Mode.STARTED:
            self.temperature = ramp(self.temperature, self.limit, self.rate / 60, seconds)
        elif self.mode is Mode.STOPPED:
            self.temperature = settle(self.temperature, self.ambient, _SETTLING, seconds)

    def answer(self, request: bytes) -> bytes | None:
        """Answer a ``T`` with the status, another command with nothing but the CR, the rest not at all."""
        if request == b"T":
            self._greeted = True
            return self._status()
        # "The first command sent must be a T command", says the manual.
        if self._greeted:
            for pattern, act in self._commands().items():
                if found := re.fullmatch(pattern, request):
                    act(found[1])
                    return b""
        return None

    def _commands(self) -> Mapping[bytes, Callable[[bytes], None]]:
        """Return what does which command, given the part in parentheses."""
        return {
            rb"R1(\d{1,5})": self._set_rate,
            rb"L1(-?\d{1,4})": self._set_limit,
            rb"(S)": self._start,
            rb"(E)": self._stop,
            rb"(O)": self._hold,
            rb"(H|C)": self._resume,
            rb"P([am])0": self._choose_pump,
            rb"P([0-N])": self._set_pump_speed,
        }

    def _status(self) -> bytes:
        """Return SB1, EB1, PB1, three reserved bytes, and the temperature in tenths as hexadecimal."""
        speed, flags = self._pump()
        reading = self.temperature + self._rng.gauss(0, _NOISE)
        head = bytes([self._state(), _HIGH | flags, _HIGH + speed, _HIGH, _HIGH, _HIGH])
        return head + b"%04x" % (round(reading * 10) & 0xFFFF)

    def _state(self) -> int:
        """Return the status byte SB1."""
        match self.mode:
            case Mode.STOPPED:
                return 0x01
            case Mode.HELD:
                return 0x50
            case Mode.STARTED if self.temperature < self.limit:
                return 0x10
            case Mode.STARTED if self.temperature > self.limit:
                return 0x20
            case Mode.STARTED:
                return 0x30

    def _pump(self) -> tuple[int, int]:
        """Return the speed of the pump, and the flag of EB1 if that does not suffice."""
        if self.pump_is_manual:
            return self.pump_speed, 0
        if self.mode is not Mode.STARTED or self.temperature <= self.limit:
            return 0, 0
        needed = int(self.rate / _FASTEST_COOLING * _TOP_PUMP_SPEED)
        return min(needed, _TOP_PUMP_SPEED), _COOLING_TOO_FAST if self.rate > _FASTEST_COOLING else 0

    # Values out of range are ignored, and answered all the same.

    def _set_rate(self, hundredths: bytes) -> None:
        if int(hundredths) in _RATES:
            self.rate = int(hundredths) / 100

    def _set_limit(self, tenths: bytes) -> None:
        if int(tenths) in _LIMITS:
            self.limit = int(tenths) / 10

    def _start(self, _: bytes) -> None:
        # A held stage goes on when it is told to heat or cool, not when it is started.
        if self.mode is Mode.STOPPED:
            self.mode = Mode.STARTED

    def _stop(self, _: bytes) -> None:
        self.mode = Mode.STOPPED

    def _hold(self, _: bytes) -> None:
        if self.mode is Mode.STARTED:
            self.mode = Mode.HELD

    def _resume(self, _: bytes) -> None:
        if self.mode is Mode.HELD:
            self.mode = Mode.STARTED

    def _choose_pump(self, mode: bytes) -> None:
        self.pump_is_manual = mode == b"m"

    def _set_pump_speed(self, character: bytes) -> None:
        self.pump_speed = ord(character) - ord("0")
