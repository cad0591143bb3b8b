"""Who the device at the other end is to be, and who it was."""

from __future__ import annotations

from fnmatch import fnmatchcase

import attrs

from labtroupe.errors import WrongDevice


@attrs.define(eq=False)
class Acquaintance:
    """What is known of who a device is; it outlives the lives of an instrument.

    Attributes:
        expected: Who it must be, with ``*`` for anything; empty for whoever is there at first.
        met: Who it was when it was first met; empty before that, and for one that cannot say.
    """

    expected: str = ""
    met: str = attrs.field(default="", init=False)

    def greet(self, address: str, identity: str) -> None:
        """Take note of who the device says it is.

        Args:
            address: Where it is, for people.
            identity: What it says; empty if it cannot say.

        Raises:
            WrongDevice: It is not who it must be, or not who it was in a former life.
        """
        if self.expected and not fnmatchcase(identity, self.expected):
            raise WrongDevice(f"{address}: {identity!r} is there, and not {self.expected!r}")
        if self.met and identity != self.met:
            raise WrongDevice(f"{address}: {identity!r} is there, and it was {self.met!r} before")
        self.met = identity
