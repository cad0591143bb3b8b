"""What the actors of a history do: in their lives by themselves, and when they are asked."""

from __future__ import annotations

import enum
import math

import attrs

from labtroupe.policy import Policy


class Does(enum.StrEnum):
    """What a handler can do in one step."""

    THINK = "think"
    """Wait, off the wire."""
    EXCHANGE = "exchange"
    """Send, and have the answer after so many seconds."""
    GARBLE = "garbled exchange"
    """The same, but the answer is none: the caller's fault, and the wire is suspect."""
    REFUSE = "refuse"
    """Raise a `CommandError`."""
    CRASH = "crash"
    LOSE = "lose the link"
    """Raise a `LinkError`."""
    FINISH = "finish"
    """Let this life be the last, and go on."""
    BREAK = "crash when cancelled"
    SWALLOW = "swallow one cancellation"
    SHIELD = "ignore cancellations"
    HOLD = "hold up the loop"
    """Compute, without letting anybody else run."""
    ASK = "ask"
    """Ask another actor, or itself."""
    TELL = "tell"


@attrs.frozen
class Step:
    """One step of a handler.

    Attributes:
        seconds: How long it takes; of a request, its timeout.
        whom: Whom it asks or tells.
        back: Whom that one asks in turn; empty for nobody.
    """

    does: Does
    seconds: float = 0.0
    whom: str = ""
    back: str = ""

    def __str__(self) -> str:
        """Return it in words, such as ``exchange 0.5 s``."""
        seconds = f"{self.seconds:g} s" if self.seconds else ""
        back = f"to ask {self.back}" if self.back else ""
        return " ".join(filter(None, [self.does, self.whom, back, seconds]))


class Kind(enum.StrEnum):
    """Which of three actors a child is."""

    PLAIN = "plain"
    """It touches its wire as it likes, has nothing to recover, and no safe state."""
    DEVICE = "device"
    """It notes its acts, watches over its wire, gets it in step again, and has a safe state."""
    INSTRUMENT = "instrument"
    """The same, by labtroupe's own means: a link over a transport to a device that answers in order."""


class Goes(enum.StrEnum):
    """How a start, a stop, a recovery or a safe state goes."""

    WELL = "well"
    FAILS = "fails"
    REFUSED = "is refused"
    ABSENT = "finds no device"
    FINISHES = "is all there is"
    HANGS = "hangs"
    STUBBORN = "ignores cancellations"


@attrs.frozen(kw_only=True)
class LifePlan:
    """What one life of a child does by itself.

    Attributes:
        crashes_after: Seconds from being ready until a device's watch crashes it, or from
            being opened until an instrument's cable is pulled.
    """

    start: Goes = Goes.WELL
    start_seconds: float = 0.0
    recovery: Goes = Goes.WELL
    recovery_seconds: float = 0.0
    crashes_after: float = math.inf
    safe: Goes = Goes.WELL
    safe_seconds: float = 0.0
    stop: Goes = Goes.WELL
    stop_seconds: float = 0.0

    def __str__(self) -> str:
        """Return it in words, but for what goes without saying."""
        crash = "" if self.crashes_after == math.inf else f"crashes after {self.crashes_after:g} s"
        parts = [
            _part("start", self.start, self.start_seconds),
            _part("recovery", self.recovery, self.recovery_seconds),
            crash,
            _part("safe state", self.safe, self.safe_seconds),
            _part("stop", self.stop, self.stop_seconds),
        ]
        return ", ".join(filter(None, parts)) or "all goes well"


@attrs.frozen(kw_only=True)
class ChildPlan:
    """One child of the bench.

    Attributes:
        lives: What its lives do, one after the other; the last stands for all that follow.
    """

    name: str
    kind: Kind = Kind.PLAIN
    policy: Policy = Policy()
    mailbox: int = 16
    start_timeout: float = 10.0
    lives: tuple[LifePlan, ...] = (LifePlan(),)

    def life(self, number: int) -> LifePlan:
        """Return what a life does, counted from 1."""
        return self.lives[min(number, len(self.lives)) - 1]

    def __str__(self) -> str:
        """Return it in words, but for what goes without saying."""
        settings = [f"{key}={value!r}" for key, value in _changed(self.policy, Policy())]
        settings += [f"{key}={value!r}" for key, value in _changed(self, ChildPlan(name="")) if key in _SHOWN]
        lives = [f"    life {number}: {life}" for number, life in enumerate(self.lives, 1)]
        return "\n".join([f"  {self.name}, {self.kind} {' '.join(settings)}".rstrip(), *lives])


_SHOWN = {"mailbox", "start_timeout"}


def _part(what: str, goes: Goes, seconds: float) -> str:
    if goes is Goes.WELL and not seconds:
        return ""
    return f"{what} {goes}" + (f" after {seconds:g} s" if seconds else "")


def _changed(value: attrs.AttrsInstance, usual: attrs.AttrsInstance) -> list[tuple[str, object]]:
    """Return the fields in which a value differs from the usual one."""
    fields = [field.name for field in attrs.fields(type(value))]
    pairs = [(name, getattr(value, name)) for name in fields]
    return [(name, mine) for name, mine in pairs if mine != getattr(usual, name)]
