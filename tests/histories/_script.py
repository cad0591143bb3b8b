"""A history as a value: a bench, and what happens to it when; as text it is a script for people."""

from __future__ import annotations

import enum
import math

import attrs

from labtroupe.policy import Group, RestartLimit, Strategy

from ._plans import ChildPlan, Step


class How(enum.StrEnum):
    """How a request is made."""

    ASK = "ask"
    SEND = "send"
    TELL = "tell"


@attrs.frozen(kw_only=True)
class Call:
    """A caller asks something of a child.

    Attributes:
        command: The name of the command; they differ in their flags only.
        timeout: Seconds; ``None`` for the command's own.
        scope: Seconds that the scope around the caller lasts.
        cancelled_after: Seconds until somebody cancels it.
    """

    at: float
    child: str
    how: How = How.ASK
    command: str = "work"
    steps: tuple[Step, ...] = ()
    timeout: float | None = None
    scope: float = math.inf
    cancelled_after: float = math.inf

    def __str__(self) -> str:
        """Return it in words."""
        extras = [
            "" if self.timeout is None else f"timeout {self.timeout:g} s",
            "" if self.scope == math.inf else f"in a scope of {self.scope:g} s",
            "" if self.cancelled_after == math.inf else f"cancelled after {self.cancelled_after:g} s",
        ]
        what = f"{self.how} {self.child} to {self.command}: {_words(self.steps)}"
        return "; ".join([what, *filter(None, extras)])


@attrs.frozen(kw_only=True)
class Leasing:
    """Somebody leases a child, asks for something under the lease, and keeps it for a while."""

    at: float
    child: str
    steps: tuple[Step, ...] = ()
    seconds: float = 0.0
    takeover: bool = False

    def __str__(self) -> str:
        """Return it in words."""
        verb = "take over" if self.takeover else "lease"
        return f"{verb} {self.child}, ask it to work: {_words(self.steps)}, keep it for {self.seconds:g} s"


@attrs.frozen(kw_only=True)
class Order:
    """An operator wants something of a child."""

    at: float
    child: str
    verb: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"operator: {self.verb} {self.child}"


@attrs.frozen(kw_only=True)
class Halting:
    """Somebody halts some children, or all."""

    at: float
    children: str = ""

    def __str__(self) -> str:
        """Return it in words."""
        return f"halt {', '.join(self.children) or 'all'}"


@attrs.frozen(kw_only=True)
class Adding:
    """Another child is added; one of this name may be there already."""

    at: float
    plan: ChildPlan

    def __str__(self) -> str:
        """Return it in words."""
        return f"add\n{self.plan}"


Action = Call | Leasing | Order | Halting | Adding


class Ending(enum.StrEnum):
    """How a history ends."""

    CANCELLED = "everything is cancelled"
    SETTLED = "all comes to rest, then everything is cancelled"
    DEADLINE = "the deadline of a scope around everything"
    RAISED = "an error in the body beside the supervisor"


@attrs.frozen(kw_only=True)
class History:
    """A bench, what happens to it, and how it ends.

    Attributes:
        groups: The groups that the policies name; ``""`` is that of those which name none.
        callers_stay: The callers live outside the scope that is cancelled at the end.
        schedule: Seed of the order in which trio runs what could run at once, and of the jitter.
    """

    children: tuple[ChildPlan, ...]
    groups: tuple[tuple[str, Group], ...] = ()
    actions: tuple[Action, ...] = ()
    ends_at: float = 0.0
    ending: Ending = Ending.CANCELLED
    callers_stay: bool = False
    schedule: int = 0

    @property
    def everybody(self) -> list[ChildPlan]:
        """All children, with those that may be added; a name stands for one plan."""
        added = [action.plan for action in self.actions if isinstance(action, Adding)]
        return list({plan.name: plan for plan in reversed([*self.children, *added])}.values())[::-1]

    def child(self, name: str) -> ChildPlan:
        """Return one child's plan."""
        return next(child for child in self.everybody if child.name == name)

    def needs(self, name: str) -> set[str]:
        """Return what a child depends on, directly or through others."""
        direct = self.child(name).policy.depends_on
        return {*direct, *(other for each in direct for other in self.needs(each))}

    def dependents(self, name: str) -> list[str]:
        """Return who depends on a child, directly or through others."""
        return [child.name for child in self.everybody if name in self.needs(child.name)]

    def group(self, name: str) -> Group:
        """Return the group that a child is in."""
        return dict(self.groups).get(self.child(name).policy.group, Group())

    def limit(self, name: str) -> RestartLimit:
        """Return the limit for the restarts of a child: its own, or that of its group."""
        group = self.group(name)
        return self.child(name).policy.limit if group.strategy is Strategy.ONE_FOR_ONE else group.limit

    def mates(self, name: str) -> list[str]:
        """Return the others whose fate a child shares, in their order."""
        if self.group(name).strategy is Strategy.ONE_FOR_ONE:
            return []
        mine = self.child(name).policy.group
        return [each.name for each in self.everybody if each.policy.group == mine and each.name != name]

    def later_mates(self, name: str) -> list[str]:
        """Return those of them that come after it."""
        names = [each.name for each in self.everybody]
        return [mate for mate in self.mates(name) if names.index(mate) > names.index(name)]

    def restarted_with(self, name: str) -> list[str]:
        """Return the others that are restarted, or parked, with a child."""
        rest = self.group(name).strategy is Strategy.REST_FOR_ONE
        return self.later_mates(name) if rest else self.mates(name)

    def go_before(self, name: str) -> list[str]:
        """Return who is gone before a child is told to stop, when everything stops."""
        found, new = set[str](), {name}
        while new:
            found |= new
            new = {o for each in new for o in (*self.dependents(each), *self.later_mates(each))} - found
        return sorted(found - {name})

    def fates(self, name: str) -> set[str]:
        """Return all whose fate can become that of a child."""
        found, new = set[str](), {name}
        while new:
            found |= new
            new = {other for each in new for other in (*self.needs(each), *self.mates(each))} - found
        return found - {name}

    def required(self) -> set[str]:
        """Return who must come up at first: who is declared so, and all that have to be up before."""
        found, new = set[str](), {child.name for child in self.everybody if child.policy.required}
        while new:
            found |= new
            earlier = {each for name in new for each in self.mates(name) if name in self.later_mates(each)}
            new = {*earlier, *(other for name in new for other in self.needs(name))} - found
        return found

    def __str__(self) -> str:
        """Return the script; `#0` and so on are the names of what is asked."""
        lines = [(each.at, f"{each}  #{number}") for number, each in enumerate(self.actions)]
        lines.append((self.ends_at, self.ending + ("; the callers stay" if self.callers_stay else "")))
        script = [f"  {at:5g} s  {line}" for at, line in sorted(lines, key=lambda line: line[0])]
        groups = [f"  group {name!r}: {group}" for name, group in self.groups]
        bench = [f"Bench, schedule {self.schedule}:", *groups, *map(str, self.children)]
        return "\n".join([*bench, "Script:", *script])


def _words(steps: tuple[Step, ...]) -> str:
    return ", ".join(map(str, steps)) or "nothing"
