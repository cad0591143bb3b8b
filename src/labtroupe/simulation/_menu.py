"""The fault menu: what can go wrong with a simulated device, and how that is written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

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
        lasting: Seconds after which it ends by itself, if nothing else is said.
        of_answers: Whether it is done to each answer, and so to some of them only if wanted.
        of_all: Whether it is one of the cable or of a bus as a whole, and of no device on it alone.
        ends: What it ends, if it is the end of others and none itself.
    """

    name: str
    summary: str
    required: Sequence[str] = ()
    optional: Sequence[str] = ("SECONDS",)
    lasting: float = math.inf
    of_answers: bool = False
    of_all: bool = False
    ends: Sequence[str] = ()

    @property
    def usage(self) -> str:
        """How it is written, such as ``late DELAY [SECONDS]``."""
        return " ".join([self.name, *self.required, *(f"[{name}]" for name in self.optional)])


@attrs.frozen
class FaultOption:
    """What may be said of any fault, after its durations.

    Attributes:
        usage: How it is written, such as ``after=SECONDS``.
        summary: What it means, in one sentence.
    """

    usage: str
    summary: str

    @property
    def name(self) -> str:
        """What stands before the equals sign."""
        return self.usage.partition("=")[0]


# Seconds for which a device is off, or its cable out, if nothing else is said.
_SHORTLY: Final = 1.0

FAULTS: Mapping[str, FaultKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            FaultKind("unplug", "The cable is out; it goes back by itself after SECONDS."),
            FaultKind("plug", "The cable goes back in.", optional=(), ends=("unplug", "replug")),
            FaultKind(
                "replug",
                "The cable is out, and after SECONDS (1 s) goes back in elsewhere.",
                lasting=_SHORTLY,
                of_all=True,
            ),
            FaultKind(
                "power-cycle",
                "The device is switched off, and on again after SECONDS (1 s).",
                lasting=_SHORTLY,
            ),
            FaultKind("refuse", "The port is somebody else's for all who open it.", of_all=True),
            FaultKind("mute", "The device hears and acts, but its answers are lost.", of_answers=True),
            FaultKind("late", "Each answer comes DELAY later.", ("DELAY",), of_answers=True),
            FaultKind("split", "Each answer comes byte by byte, PAUSE apart.", ("PAUSE",), of_answers=True),
            FaultKind("garbled", "One byte of each answer is another one.", of_answers=True),
            FaultKind("duplicate", "Each answer comes twice.", of_answers=True),
            FaultKind("noise", "Some bytes of garbage come before each answer.", of_answers=True),
            FaultKind("echo", "All that the device hears comes back before the answer.", of_all=True),
            FaultKind("flood", "The device sends lines of garbage without pause.", of_all=True),
            FaultKind("slow-drain", "The device takes one byte each PAUSE.", ("PAUSE",), of_all=True),
            FaultKind("wrong-identity", "The device says that it is another one.", of_all=True),
            FaultKind("clear", "Every fault ends, and the cable goes back in.", optional=(), ends=("*",)),
        )
    }
)
"""What there is, by name."""

OPTIONS: Mapping[str, FaultOption] = MappingProxyType(
    {
        option.name: option
        for option in (
            FaultOption("after=SECONDS", "It begins that much later."),
            FaultOption("heard=BYTES", "It begins when the device has heard so many bytes more."),
            FaultOption("said=BYTES", "It begins when the device has said so many bytes more."),
            FaultOption("times=COUNT", "It is done to so many answers only."),
            FaultOption("chance=SHARE", "It is done to each answer with this probability, above 0 to 1."),
            FaultOption("seed=NUMBER", "Where chance begins (0): the same one, the same answers."),
        )
    }
)
"""What may be said of those that last, by name."""


@attrs.frozen
class Fault:
    """A fault that was injected.

    Attributes:
        name: Its name in ``FAULTS``.
        until: When it ends by itself, in seconds of trio's clock; ``math.inf`` for never, or not known yet.
        delay: Seconds by which it makes answers late, or between two bytes.
        lasting: Seconds from its beginning to its end.
        since: When it begins, in seconds of trio's clock.
        heard: Bytes that the device has still to hear before it begins.
        said: Bytes that the device has still to say before.
        times: Answers that it is done to.
        chance: With what probability it is done to each, up to 1.
        seed: Where chance begins.
    """

    name: str
    until: float = math.inf
    delay: float = 0.0
    lasting: float = attrs.field(default=math.inf, eq=False)
    since: float = attrs.field(default=-math.inf, eq=False)
    heard: int = 0
    said: int = 0
    times: float = math.inf
    chance: float = 1.0
    seed: int = 0

    def in_words(self, now: float) -> str:
        """Return what it is and how long it lasts, as of ``now``: ``mute for another 4.0 s``."""
        words = [self.name]
        if self.delay:
            words.append(f"by {self.delay:g} s")
        if self.chance < 1:
            words.append(f"with chance {self.chance:g}")
        if self.times < math.inf:
            words.append("once" if self.times == 1 else f"{self.times:g} times")
        if self.heard or self.said:
            words.append(f"after {self.heard or self.said} more bytes {'heard' if self.heard else 'said'}")
        if self.since > now:
            words.append(f"in {self.since - now:.1f} s")
        elif self.until < math.inf:
            words.append(f"for another {self.until - now:.1f} s")
        return " ".join(words)


def parse_fault(name: str, words: Sequence[str], now: float) -> Fault:
    """Return the fault that is ordered at ``now``, or the end of others by its name.

    Args:
        name: One of ``FAULTS``.
        words: What it takes: durations such as ``"5s"``, then options such as ``"chance=0.1"``.
        now: Seconds on a clock that never goes back.

    Raises:
        ArgumentError: There is no such fault, or it takes other values.
    """
    if name not in FAULTS:
        raise ArgumentError(f"there is no fault {name!r}", remedy=suggestion(name, FAULTS, plural="faults"))
    kind = FAULTS[name]
    durations = _durations(kind, [word for word in words if "=" not in word])
    options = _options(kind, [word for word in words if "=" in word])
    delay = durations.pop(0) if kind.required else 0.0
    lasting = durations[0] if durations else kind.lasting
    after = parse_duration(options["after"]) if "after" in options else 0.0
    return Fault(
        name,
        # Not known before it begins.
        math.inf if {"heard", "said"} & set(options) else now + after + lasting,
        delay,
        lasting,
        now + after,
        heard=_count(options, "heard") if "heard" in options else 0,
        said=_count(options, "said") if "said" in options else 0,
        times=_count(options, "times") if "times" in options else math.inf,
        chance=_share(options.get("chance", "1")),
        seed=_count(options, "seed", lowest=0) if "seed" in options else 0,
    )


def _durations(kind: FaultKind, words: Sequence[str]) -> list[float]:
    fewest = len(kind.required)
    if not fewest <= len(words) <= fewest + len(kind.optional):
        raise ArgumentError(
            f"the fault {kind.name} cannot take {len(words)} values", remedy=f"Write it: `{kind.usage}`."
        )
    return [parse_duration(word) for word in words]


def _options(kind: FaultKind, words: Sequence[str]) -> dict[str, str]:
    """Return the options by name.

    Raises:
        ArgumentError: One of them does not exist, or means nothing here.
    """
    options = dict(_pair(word) for word in words)
    if len(options) < len(words):
        raise ArgumentError("an option is there twice", remedy="Say each of them once.")
    for name in options:
        if name not in OPTIONS:
            raise ArgumentError(
                f"a fault has no option {name!r}", remedy=suggestion(name, OPTIONS, plural="options")
            )
    if kind.ends and options:
        raise ArgumentError(f"{kind.name} is done at once, and takes no options", remedy="Leave them out.")
    if len({"after", "heard", "said"} & set(options)) > 1:
        raise ArgumentError(
            "a fault begins at one moment", remedy="Say only one of `after`, `heard` and `said`."
        )
    if not kind.of_answers and {"times", "chance", "seed"} & set(options):
        hit = ", ".join(each.name for each in FAULTS.values() if each.of_answers)
        raise ArgumentError(
            f"the fault {kind.name} is not one of single answers",
            remedy=f"`times`, `chance` and `seed` are for these: {hit}.",
        )
    return options


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def _count(options: Mapping[str, str], name: str, lowest: int = 1) -> int:
    text = options[name]
    if not (text.isascii() and text.isdigit() and int(text) >= lowest):
        raise ArgumentError(f"{name}={text}: this is no count", remedy=f"Write it like `{name}=3`.")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise ArgumentError(f"chance={text}: this is no probability", remedy="Write it like `chance=0.1`.")
    return share
