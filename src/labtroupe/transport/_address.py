"""Addresses: where a device is, written like ``serial:/dev/ttyUSB0?baudrate=19200``."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Mapping
from typing import ClassVar, Self

import attrs

from labtroupe.errors import ConfigError
from labtroupe.ports import Plugged
from labtroupe.transport._options import did_you_mean, read_options, spell_options, split_query
from labtroupe.transport._transport import Transport
from labtroupe.transport._visa import without_visa


@attrs.frozen
class Address(abc.ABC):
    """Where a device is and how it is spoken to: ``scheme:place?option=value&option=value``.

    Each scheme is a subclass in the module of its transport.  Addresses compare by value;
    ``str(address)`` is the canonical text, with the options that differ from their defaults.
    """

    scheme: ClassVar[str]
    """The word before the colon."""
    example: ClassVar[str]
    """A right address, for those who wrote a wrong one."""
    suggested: ClassVar[bool] = True
    """Whether the example is for everybody."""
    has_options: ClassVar[bool] = True
    """Whether what follows a question mark are options."""
    schemes: ClassVar[dict[str, type[Address]]] = {}
    """The scheme table; it is filled in `labtroupe.transport._open`."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that ``text`` spells, be it a VISA resource string; nothing is opened.

        Raises:
            ConfigError: Says what is wrong, with an example of a right one.
        """
        text = without_visa(text)
        scheme, colon, rest = text.partition(":")
        if not colon or scheme not in cls.schemes:
            raise _unknown_scheme(text, scheme if colon else "", cls.schemes)
        kind = cls.schemes[scheme]
        place, _, query = rest.partition("?") if kind.has_options else (rest, "", "")
        try:
            return kind.at(place).with_options(split_query(query))
        except ValueError as error:
            raise ConfigError(f"{text!r}: {error}", remedy=f"Write it like {kind.example}") from error

    @classmethod
    @abc.abstractmethod
    def at(cls, place: str) -> Self:
        """Return the address of ``place`` with all options at their defaults.

        Raises:
            ValueError: Says what is wrong with it.
        """

    def with_options(self, options: Mapping[str, str]) -> Self:
        """Return this address with the ``options`` that are given as text.

        Raises:
            ValueError: Names every option that is unknown or has a value that is not allowed.
        """
        return attrs.evolve(self, **read_options(type(self), options))

    @property
    @abc.abstractmethod
    def place(self) -> str:
        """What stands between the colon and the question mark: a path, a host, a name."""

    @property
    def options(self) -> Mapping[str, str]:
        """The options that differ from their defaults, as text."""
        return spell_options(self)

    def resource(self) -> str:
        """Return what opening it takes possession of, under one name for all its spellings."""
        return str(self)

    async def find(self) -> str:
        """Return `resource`, without holding up others where that takes long."""
        return self.resource()

    def is_there(self, plugged: Plugged) -> bool:  # noqa: ARG002 - for those that can be seen
        """Return whether the device can be seen to be there, and may be opened, among what is ``plugged`` in.

        False where only an opening can tell.
        """
        return False

    @abc.abstractmethod
    async def open(self, resource: str, undo: contextlib.ExitStack) -> Transport:
        """Open the transport; use `open_transport`, which claims ``resource`` first.

        Args:
            resource: What `resource` returned, and has been claimed.
            undo: What undoes the opening, the claim so far.  The transport takes it over with
                ``undo.pop_all()``, to close it in the end; until then it is the caller's.

        Raises:
            LinkError: It cannot be opened.
            ConfigError: There is something of another kind at the address.
        """

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.scheme}:{self.place}" + (f"?{query}" if query else "")


def _unknown_scheme(text: str, scheme: str, schemes: Mapping[str, type[Address]]) -> ConfigError:
    what = f"there is no scheme {scheme!r}{did_you_mean(scheme, schemes)}" if scheme else "it has no scheme"
    examples = ", ".join(kind.example for kind in schemes.values() if kind.suggested)
    return ConfigError(f"{text!r}: {what}", remedy=f"Write an address like one of these: {examples}")
