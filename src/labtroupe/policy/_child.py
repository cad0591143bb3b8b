"""The record of one child: how it is to be treated, what is wanted of it, and what it is."""

from __future__ import annotations

import enum
import math
from typing import Final

import attrs
from attrs import validators

from labtroupe.lifecycle import State
from labtroupe.policy._backoff import Backoff
from labtroupe.policy._limit import RestartHistory, RestartLimit

# Seconds after which a start does not keep others from starting: by then it has
# been opened, or never will be.
_OPENING: Final = 1.0


class Restart(enum.StrEnum):
    """Which ends of a child are followed by a restart."""

    PERMANENT = "permanent"
    """Every end."""
    TRANSIENT = "transient"
    """A failure, but not an end without error."""
    TEMPORARY = "temporary"
    """None: it has one life, which also ends with that of what it depends on."""


class Phase(enum.Enum):
    """What a child is now, whatever is wanted of it."""

    DOWN = enum.auto()
    STARTING = enum.auto()
    UP = enum.auto()
    STOPPING = enum.auto()
    WEDGED = enum.auto()
    """Told to stop, and still there long after it should have gone."""


class Wanted(enum.Enum):
    """What is wanted of a child, whatever it is now."""

    RUNNING = enum.auto()
    IF_USED = enum.auto()
    """Nothing has been asked of it yet, and it starts on demand."""
    STOPPED = enum.auto()
    """By an operator."""
    FINISHED = enum.auto()
    """It has ended, and its restart type grants no other life."""
    PARKED = enum.auto()
    """Restarting did not help."""


@attrs.frozen(kw_only=True)
class Policy:
    """How one child is to be treated.

    Attributes:
        restart: Which of its ends are followed by a restart.
        depends_on: Names of the children that must be up while it is.
        required: If its very first start fails, everything is given up.
        critical: If restarting does not help, everything is given up; otherwise it is parked.
        significant: Its end, where no other life follows, may be that of its supervisor.
        on_demand: Its first life begins when something is asked of it.
        group: Whose fate it shares; `labtroupe.policy.Group` says how.
        shares: What it shares with others, such as a bus: one of them starts at a time, for a second at most.
        shutdown: Seconds its clean-up may take.
    """

    restart: Restart = Restart.PERMANENT
    depends_on: tuple[str, ...] = ()
    required: bool = False
    critical: bool = False
    significant: bool = False
    on_demand: bool = False
    group: str = ""
    shares: str = ""
    shutdown: float = attrs.field(default=2.0, validator=validators.ge(0))
    backoff: Backoff = Backoff()
    limit: RestartLimit = RestartLimit()

    def __attrs_post_init__(self) -> None:
        """Refuse what contradicts itself, as OTP does.

        Raises:
            ValueError: It is significant, and will never end for good.
        """
        if self.significant and self.restart is Restart.PERMANENT:
            raise ValueError("a permanent child never ends for good, so it cannot be significant")


def _wanted_at_first(child: Child) -> Wanted:
    return Wanted.IF_USED if child.policy.on_demand else Wanted.RUNNING


@attrs.define(eq=False)
class Child:
    """The record of one child.

    Attributes:
        asked: Its end is wanted, so nothing follows from it: it was told to stop, or is forgiven.
        cycle: It must go down once before anything else, as in an operator's restart.
        due: Not before this moment may it start; ``-inf`` unless it backs off.
        history: Its failures, or those of its whole group.
        up_since: Since when it has been up; ``None`` if it is not.
        starting_since: When its last start began.
        stop_by: When a stopping child counts as wedged.
        absent: Its last life ended because the device could not be reached.
        ever_up: Whether any of its lives got as far as being up.
        reason: Why it is down or was stopped, in words.
    """

    name: str
    policy: Policy
    history: RestartHistory = attrs.field(factory=RestartHistory)
    phase: Phase = Phase.DOWN
    wanted: Wanted = attrs.field(default=attrs.Factory(_wanted_at_first, takes_self=True))
    asked: bool = False
    cycle: bool = False
    due: float = -math.inf
    up_since: float | None = None
    starting_since: float = -math.inf
    stop_by: float = math.inf
    absent: bool = False
    ever_up: bool = False
    reason: str = ""

    def want(self, wanted: Wanted, reason: str = "") -> None:
        """Change what is wanted of it; what failed before is forgiven where it is to run."""
        self.wanted, self.reason = wanted, reason
        if wanted is Wanted.RUNNING:
            self.due = -math.inf
            self.history.forgive()
            # A life that is being cleaned up belongs to what failed before.
            self.asked = self.asked or self.phase in {Phase.STOPPING, Phase.WEDGED}

    def renew(self) -> None:
        """Want another life in place of the present one, if there is one; what failed before still counts."""
        self.cycle = self.there

    def hurry(self) -> None:
        """Let it wait no longer for its next try."""
        self.due = -math.inf

    @property
    def keeps_waiting_until(self) -> float:
        """When its start, if it starts, does not keep others from starting any more."""
        return self.starting_since + _OPENING

    @property
    def there(self) -> bool:
        """Whether it has a life that can be told to stop."""
        return self.phase is Phase.UP or self.phase is Phase.STARTING

    @property
    def gone(self) -> bool:
        """Whether it has no life, or one that nobody waits for any more."""
        return self.phase is Phase.DOWN or self.phase is Phase.WEDGED


def state_of(child: Child) -> State:
    """Return a child's state in the words that users see, halts apart."""
    match child.phase:
        case Phase.STARTING:
            return State.STARTING
        case Phase.UP:
            return State.RUNNING
        case Phase.STOPPING | Phase.WEDGED:
            # To clean up after a failed start is part of it.
            return State.STOPPING if child.asked or child.up_since is not None else State.STARTING
        case Phase.DOWN:
            return _state_when_down(child)


def _state_when_down(child: Child) -> State:
    match child.wanted:
        case Wanted.RUNNING:
            return State.STARTING if child.due == -math.inf else State.BACKOFF
        case Wanted.PARKED:
            return State.FAILED
        case Wanted.STOPPED | Wanted.FINISHED | Wanted.IF_USED:
            return State.STOPPED
