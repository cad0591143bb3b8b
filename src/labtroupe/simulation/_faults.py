"""The faults of one device: which are on, and which answers they hit; no I/O, no clock."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

import attrs

from labtroupe.simulation._garbage import SPOILED, garbage
from labtroupe.simulation._menu import FAULTS, Fault, parse_fault
from labtroupe.simulation._physics import noise

FLOOD_INTERVAL: Final = 0.01
"""Seconds between two lines of a flood: with 100 bytes each, about a stuck device at 115200 baud."""
_FLOOD_LINE: Final = 100


OUTAGES: Final = frozenset({"unplug", "replug", "power-cycle"})
"""Those in which the cable is out, or the device is switched off."""


@attrs.define(eq=False)
class Faults:
    """The faults of one device; every question to it says when it is asked."""

    _rng: random.Random = attrs.field(factory=lambda: noise(0), init=False)
    _ordered: dict[str, Fault] = attrs.field(factory=dict[str, Fault], init=False)
    _dice: dict[str, random.Random] = attrs.field(factory=dict[str, random.Random], init=False)
    # Answers that each may still be done to.
    _left: dict[str, float] = attrs.field(factory=dict[str, float], init=False)
    # Those that have begun, and nobody has been told of it.
    _untold: set[str] = attrs.field(factory=set[str], init=False)

    def inject(self, name: str, words: Sequence[str], now: float) -> None:
        """Order, replace or end a fault at ``now``.

        Raises:
            ArgumentError: There is no such fault, or it takes other values.
        """
        fault = parse_fault(name, words, now)
        ends = FAULTS[name].ends
        if ends:
            for each in [*self._ordered] if ends == ("*",) else ends:
                self._ordered.pop(each, None)
        else:
            self._ordered[name] = fault
            self._dice[name] = noise(fault.seed)
            self._left[name] = fault.times
            self._untold.add(name)

    def current(self, now: float) -> tuple[Fault, ...]:
        """Return those that are on at ``now`` or wait for their moment, the longest known first.

        Of bytes to go by, and of answers to be done to, each has what is left.
        """
        left = (fault for fault in self._ordered.values() if self._is_left(fault, now))
        return tuple(attrs.evolve(fault, times=self._left[fault.name]) for fault in left)

    def get(self, name: str, now: float) -> Fault | None:
        """Return the fault ``name`` if it is on at ``now``."""
        fault = self._ordered.get(name)
        on = fault is not None and _has_begun(fault, now) and self._is_left(fault, now)
        return fault if on else None

    def has(self, name: str, now: float) -> bool:
        """Return whether the fault ``name`` is on at ``now``."""
        return self.get(name, now) is not None

    def out(self, now: float) -> bool:
        """Return whether at ``now`` the cable is out, or the device is switched off."""
        return any(self.has(name, now) for name in OUTAGES)

    def delay(self, name: str, now: float) -> float:
        """Return the seconds of the fault ``name`` at ``now``; 0 if it is not on."""
        fault = self.get(name, now)
        return 0.0 if fault is None else fault.delay

    def hit(self, name: str, now: float) -> Fault | None:
        """Return the fault ``name`` if it is done to the answer that is given at ``now``; counts it."""
        fault = self.get(name, now)
        if fault is None or self._dice[name].random() >= fault.chance:
            return None
        self._left[name] -= 1
        return fault

    def spoil(self, answer: bytes, now: float) -> Sequence[bytes]:
        """Return what comes in place of the answer that is given at ``now``, and comes again."""
        for name, change in SPOILED.items():
            if self.hit(name, now) is not None:
                answer = change(answer, self._dice[name])
        return [answer] if self.hit("duplicate", now) is None else [answer, answer]

    def flood(self, now: float) -> bytes:
        """Return what the device sends at ``now`` without being asked, each ``FLOOD_INTERVAL``."""
        return garbage(self._rng, _FLOOD_LINE - 2) + b"\r\n" if self.has("flood", now) else b""

    def delay_of(self, fault: Fault, now: float) -> float:
        """Return the seconds of a fault that has hit an answer: its own, or of the one in its place, or 0."""
        if self._ordered.get(fault.name) is fault and now < fault.until:
            return fault.delay
        return self.delay(fault.name, now)

    def until_said(self) -> float:
        """Return how many bytes the device can say before the next fault begins; ``math.inf`` for any."""
        return min((fault.said for fault in self._ordered.values() if fault.said), default=math.inf)

    def until_heard(self) -> float:
        """Return how many bytes the device can hear before the next fault begins; ``math.inf`` for any."""
        return min((fault.heard for fault in self._ordered.values() if fault.heard), default=math.inf)

    def count(self, now: float, *, heard: int = 0, said: int = 0) -> bool:
        """Take note of bytes that went past at ``now``, and return whether a fault has waited for them."""
        waiting = [fault for fault in self._ordered.values() if fault.heard or fault.said]
        counted = [_counted(fault, now, heard, said) for fault in waiting]
        self._ordered.update((fault.name, fault) for fault in counted)
        return any(_has_begun(fault, now) for fault in counted)

    def begun(self, now: float) -> Sequence[str]:
        """Return the names of those that have begun since this was last asked, and may be over by now."""
        ordered = self._ordered
        names = [name for name in self._untold if name in ordered and _has_begun(ordered[name], now)]
        self._untold.difference_update(names)
        return names

    def next_change(self, now: float) -> float:
        """Return when the next of them begins or ends by itself, ``math.inf`` if none does."""
        times = ((fault.since if fault.since > now else fault.until) for fault in self.current(now))
        return min(times, default=math.inf)

    def _is_left(self, fault: Fault, now: float) -> bool:
        return now < fault.until and self._left[fault.name] > 0


def _has_begun(fault: Fault, now: float) -> bool:
    return not (fault.heard or fault.said) and fault.since <= now


def _counted(fault: Fault, now: float, heard: int, said: int) -> Fault:
    """Return a fault that waits for bytes as it is after some, which may be its beginning."""
    fault = attrs.evolve(fault, heard=max(0, fault.heard - heard), said=max(0, fault.said - said))
    return fault if fault.heard or fault.said else attrs.evolve(fault, since=now, until=now + fault.lasting)
