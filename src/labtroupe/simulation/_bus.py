"""Several simulated devices on one line."""

from __future__ import annotations

import abc
from collections.abc import Iterable

import attrs

from labtroupe.simulation._device import SimulatedDevice


def _addresses(given: str | Iterable[int]) -> frozenset[int]:
    """Return addresses, which may be given as a text such as ``1,2,3``."""
    return frozenset(
        int(each) for each in (filter(None, given.split(",")) if isinstance(given, str) else given)
    )


@attrs.define(eq=False)
class SimulatedBus(SimulatedDevice):
    """A line with several devices on it, each with an address; faults can be those of one of them.

    A subclass hears only for those that are `listening`, and says in `speaker` who has answered.

    Attributes:
        units: The addresses of those that are connected.
        silent: The addresses of those among them that are switched off.
        unplugged: The addresses of those among them whose own cable is out, as the faults have it.
    """

    units: frozenset[int] = attrs.field(default=frozenset({1, 2, 3}), converter=_addresses, kw_only=True)
    silent: frozenset[int] = attrs.field(default=frozenset[int](), converter=_addresses, kw_only=True)
    unplugged: set[int] = attrs.field(factory=set[int], init=False)

    @property
    def listening(self) -> frozenset[int]:
        """The addresses of those that hear what is said now."""
        return self.units - self.silent - self.unplugged

    @abc.abstractmethod
    def speaker(self, answer: bytes) -> int:
        """Return the address of the device that has given an answer; one of ``units``."""

    def switch_on(self, unit: int) -> None:
        """Set everything of one device that does not survive a power cycle; called when it had one alone."""
