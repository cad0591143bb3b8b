"""What can be made to go wrong between a simulated device and its cable; no I/O, no clock."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import attrs

from labtroupe.errors import ArgumentError
from labtroupe.simulation._duration import parse_duration
from labtroupe.simulation._suggest import suggestion


@attrs.frozen
class FaultKind:
    """What a fault is called, does and takes.

    Attributes:
        name: What a person types.
        summary: What it does, in one sentence.
        required: Names of the durations it must be given.
        optional: Names of those it may be given after these.
    """

    name: str
    summary: str
    required: Sequence[str] = ()
    optional: Sequence[str] = ()

    @property
    def usage(self) -> str:
        """How it is written, such as ``late DELAY [SECONDS]``."""
        return " ".join([self.name, *self.required, *(f"[{name}]" for name in self.optional)])

    def durations(self, arguments: Sequence[str]) -> list[float]:
        """Return ``arguments`` in seconds.

        Raises:
            ArgumentError: One of them is no duration, or there are too many or too few.
        """
        fewest = len(self.required)
        if not fewest <= len(arguments) <= fewest + len(self.optional):
            raise ArgumentError(
                f"the fault {self.name} cannot take {len(arguments)} values",
                remedy=f"Write it: `{self.usage}`.",
            )
        return [parse_duration(argument) for argument in arguments]


_LASTING = ("SECONDS",)
# Seconds for which a device is off, if nothing else is said.
_OFF = 1.0

FAULTS: Mapping[str, FaultKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            FaultKind("unplug", "The cable is out; it goes back by itself after SECONDS.", optional=_LASTING),
            FaultKind("plug", "The cable goes back in."),
            FaultKind("mute", "The device hears and acts, but its answers are lost.", optional=_LASTING),
            FaultKind("late", "Each answer comes DELAY later.", required=("DELAY",), optional=_LASTING),
            FaultKind("noise", "Some bytes of garbage come before each answer.", optional=_LASTING),
            FaultKind("flood", "The device sends lines of garbage without pause.", optional=_LASTING),
            FaultKind(
                "power-cycle",
                "The device is switched off, and on again after SECONDS (1 s).",
                optional=_LASTING,
            ),
            FaultKind("clear", "Every fault ends, and the cable goes back in."),
        )
    }
)


@attrs.frozen
class Fault:
    """A fault that is on.

    Attributes:
        name: Its name in ``FAULTS``.
        until: When it ends by itself, in seconds of trio's clock; ``math.inf`` for never.
        delay: Seconds by which it makes answers late.
    """

    name: str
    until: float = math.inf
    delay: float = 0.0


@attrs.define(eq=False)
class Faults:
    """The faults of one device; every question to it says when it is asked."""

    _active: dict[str, Fault] = attrs.field(factory=dict[str, Fault], init=False)

    def inject(self, name: str, arguments: Sequence[str], now: float) -> None:
        """Begin, replace or end a fault at ``now``.

        Raises:
            ArgumentError: There is no such fault, or it takes other values.
        """
        if name not in FAULTS:
            raise ArgumentError(
                f"there is no fault {name!r}", remedy=suggestion(name, FAULTS, plural="faults")
            )
        kind = FAULTS[name]
        durations = kind.durations(arguments)
        match name:
            case "clear":
                self._active.clear()
            case "plug":
                self._active.pop("unplug", None)
            case _:
                delay = durations.pop(0) if kind.required else 0.0
                lasting = _OFF if name == "power-cycle" else math.inf
                until = now + (durations[0] if durations else lasting)
                self._active[name] = Fault(name, until, delay)

    def current(self, now: float) -> tuple[Fault, ...]:
        """Return those that are on at ``now``, the longest known first."""
        return tuple(fault for fault in self._active.values() if now < fault.until)

    def has(self, name: str, now: float) -> bool:
        """Return whether the fault ``name`` is on at ``now``."""
        return any(fault.name == name for fault in self.current(now))

    def out(self, now: float) -> bool:
        """Return whether at ``now`` the cable is out, or the device is switched off."""
        return self.has("unplug", now) or self.has("power-cycle", now)

    def delay(self, now: float) -> float:
        """Return by how many seconds answers are late at ``now``."""
        return sum(fault.delay for fault in self.current(now))

    def next_end(self, now: float) -> float:
        """Return when the next of them ends by itself, ``math.inf`` if none does."""
        return min((fault.until for fault in self.current(now)), default=math.inf)
