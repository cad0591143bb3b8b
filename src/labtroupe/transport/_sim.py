"""Addresses of simulated devices, which a bench resolves to addresses of one of the other schemes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import ClassVar, Self

import attrs

from labtroupe.errors import ConfigError
from labtroupe.transport._address import Address
from labtroupe.transport._transport import Transport


@attrs.frozen
class SimAddress(Address):
    """A simulated device by its name: ``sim:linkam-t95?via=tcp``; what its options mean, the bench knows."""

    scheme: ClassVar[str] = "sim"
    example: ClassVar[str] = "sim:linkam-t95"

    name: str
    _pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def at(cls, place: str) -> Self:
        """Return the address of the device called ``place``; see `Address.at`."""
        if not place:
            raise ValueError("it names no device")
        return cls(place)

    def with_options(self, options: Mapping[str, str]) -> Self:
        """Return this address with any ``options``; see `Address.with_options`."""
        return attrs.evolve(self, pairs=tuple(options.items()))

    @property
    def place(self) -> str:
        """The name."""
        return self.name

    @property
    def options(self) -> Mapping[str, str]:
        """The options as they were given."""
        return dict(self._pairs)

    async def open(self, resource: str, undo: contextlib.ExitStack) -> Transport:  # noqa: ARG002 - never
        """Refuse: the simulated device has to be started first.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"{self}: a simulated device runs as part of a bench and cannot be opened alone")
