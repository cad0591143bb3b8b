"""What is known of a device from life to life: who it is, whether it was away, and what was set."""

from __future__ import annotations

import enum
from fnmatch import fnmatchcase
from typing import TypeVar

import attrs
import trio

from labtroupe.errors import WrongDevice

S = TypeVar("S")


class Reattach(enum.StrEnum):
    """What is done with a device that comes back: after its port had to be opened anew."""

    ADOPT = "adopt"
    """Nothing: it is taken as it is."""
    RESTORE = "restore"
    """Unless it says that it has forgotten nothing, what was set is set again, as far as that is known."""
    RESET = "reset"
    """It is put into its initial state, whatever it says."""
    ASK = "ask"
    """Unless it says that it has forgotten nothing, it is left as it is until a person lets it go on."""


@attrs.define(eq=False)
class Acquaintance:
    """What is known of a device; it outlives the lives of an instrument.

    Attributes:
        expected: Who it must be, with ``*`` for anything; empty for whoever is there at first.
        reattach: What is done when it comes back.
        met: Who it was when it was first met; empty before that, and for one that cannot say.
        settings: What was set last, in a class of the driver's; ``None`` if that is not known.
        halts: How often the instrument had been halted then: what was set before a halt is not restored.
        apart: Whether its port was closed since it was last looked at.
        returned: It has come back, and what that calls for is still to be done.
        untold: Nobody has been told of that.
        changed: Whether it had forgotten its settings then; ``None`` if it cannot say.
        changed_at: When it came back changed and was left so, on trio's clock; ``None`` if that is not
            so, or something was set since.
    """

    expected: str = ""
    reattach: Reattach = Reattach.ADOPT
    met: str = attrs.field(default="", init=False)
    settings: object = attrs.field(default=None, init=False)
    halts: int = attrs.field(default=0, init=False)
    apart: bool = attrs.field(default=True, init=False)
    returned: bool = attrs.field(default=False, init=False)
    untold: bool = attrs.field(default=False, init=False)
    changed: bool | None = attrs.field(default=None, init=False)
    changed_at: float | None = attrs.field(default=None, init=False)
    # Whether a start has been completed: before that, nothing is known that could have been forgotten.
    _known: bool = attrs.field(default=False, init=False)

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

    def meet_again(self, *, forgotten: bool | None) -> None:
        """Take note of what the device says when its port was opened.

        Args:
            forgotten: Whether it has forgotten its settings since it was last asked; ``None`` if it
                cannot say.
        """
        self.apart = False
        if not self._known:
            return
        # A start that has failed since was told, and the device does not say it twice.
        before = self.changed if self.returned else False
        self.untold = self.untold or not self.returned or bool(forgotten)
        self.changed = True if before or forgotten else None if None in {before, forgotten} else False
        self.returned = True

    def action(self, halts: int) -> Reattach:
        """Return what its return calls for, if the instrument has been halted so often by now."""
        if not self.returned:
            return Reattach.ADOPT
        match self.reattach:
            case Reattach.RESTORE if self.settings is None or self.halts != halts or self.changed is False:
                return Reattach.ADOPT
            case Reattach.ASK if self.changed is False:
                return Reattach.ADOPT
            case _:
                return self.reattach

    def settle(self, *, mended: bool) -> None:
        """Note that the instrument is ready, and what its return called for has been done.

        Args:
            mended: The device has its settings again, or its initial state.
        """
        if mended:
            self.changed_at = None
        elif self.returned and self.changed:
            # What was set is so no more, and is not going to be.
            self.changed_at, self.settings = trio.current_time(), None
        self.returned, self._known = False, True

    def remember(self, settings: object, halts: int) -> None:
        """Note what is set now, ``None`` if nobody knows, and how often the instrument has been halted."""
        self.settings, self.halts, self.changed_at = settings, halts, None

    def recall(self, kind: type[S]) -> S | None:
        """Return what is set now, if it is known and of this class; otherwise ``None``."""
        return self.settings if isinstance(self.settings, kind) else None
