"""Which addresses of a bus do not answer, and when they are asked again."""

from __future__ import annotations

import math
from typing import Final

import attrs

# How many times as long as a vain wait for an answer no other absent device is waited for: so all
# of them together cost those that are there a sixteenth of the bus, however many they are.
_REST: Final = 15.0


@attrs.frozen
class Absence:
    """What is known of an address whose last exchange gave no answer.

    Attributes:
        why: What has happened, in words.
        until: When it may be asked again, on trio's clock.
        owing_until: When it cannot answer any more what it was asked, on trio's clock.
        silent: Whether it was waited for in vain, and more than once if it was there before.
    """

    why: str
    until: float
    owing_until: float
    silent: bool


@attrs.define(eq=False)
class Attendance:
    """The addresses of one bus, as far as they have been asked.

    Attributes:
        probe_every: Seconds that an address which is silent is left alone.
    """

    probe_every: float
    _present: set[int] = attrs.field(factory=set[int], init=False)
    _absences: dict[int, Absence] = attrs.field(factory=dict[int, Absence], init=False)
    _next_probe: float = attrs.field(default=-math.inf, init=False)

    def of(self, unit: int) -> Absence | None:
        """Return why the device at an address is taken to be absent; ``None`` if it is not."""
        return self._absences.get(unit)

    def next_try(self, absence: Absence) -> float:
        """Return when a device that is absent may be asked again, on trio's clock."""
        # Where nobody is there, nobody is held up.
        in_turn = absence.silent and self._present
        return max(absence.until, self._next_probe) if in_turn else absence.until

    def note_answer(self, unit: int) -> None:
        """Note that a device has answered."""
        self._present.add(unit)
        self._absences.pop(unit, None)

    def note_cut_off(self, unit: int, why: str, owing_until: float) -> None:
        """Note that a device may still answer what it was asked, until then."""
        self._absences[unit] = Absence(why, owing_until, owing_until, silent=False)

    def note_silence(self, unit: int, why: str, owing_until: float, began: float, now: float) -> None:
        """Note that from ``began`` until ``now`` the bus was held up by a device that did not answer.

        One that was there before may have lost a single answer, and is asked again soon.
        """
        again = unit not in self._present
        self._present.discard(unit)
        until = max(now + self.probe_every, owing_until) if again else owing_until
        self._absences[unit] = Absence(why, until, owing_until, silent=again)
        self._next_probe = now + _REST * (now - began)
