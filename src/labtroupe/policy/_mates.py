"""The members of each group, and what the fate of one means for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from labtroupe.policy._child import Child, Phase, Restart, Wanted
from labtroupe.policy._group import Group, Strategy
from labtroupe.policy._limit import RestartHistory, RestartLimit


@attrs.define(eq=False)
class Mates:
    """Who shares whose fate.

    In ``one_for_one`` everybody is alone: nobody has mates there.
    """

    _groups: Mapping[str, Group]
    _members: dict[str, list[Child]] = attrs.field(factory=dict[str, list[Child]], init=False)
    _histories: dict[str, RestartHistory] = attrs.field(factory=dict[str, RestartHistory], init=False)

    def join(self, child: Child) -> None:
        """Take a child into its group, after all others.

        Raises:
            ValueError: There is no such group.
        """
        name = child.policy.group
        if name not in self._groups:
            raise ValueError(f"{child.name} is of group {name}, which does not exist")
        if self._groups[name].strategy is not Strategy.ONE_FOR_ONE:
            self._members.setdefault(name, []).append(child)
            child.history = self._histories.setdefault(name, RestartHistory())

    def leave(self, child: Child) -> None:
        """Let a child out of its group."""
        if members := self._members.get(child.policy.group):
            members.remove(child)

    def limit(self, child: Child) -> RestartLimit:
        """Return the limit that holds for a child: its own, or that of its group."""
        group = self._groups[child.policy.group]
        return child.policy.limit if group.strategy is Strategy.ONE_FOR_ONE else group.limit

    def of(self, child: Child) -> Sequence[Child]:
        """Return those that are restarted with a child, itself among them."""
        members = self._members.get(child.policy.group)
        if members is None:
            return (child,)
        rest = self._groups[child.policy.group].strategy is Strategy.REST_FOR_ONE
        return members[members.index(child) :] if rest else members

    def before(self, child: Child) -> Sequence[Child]:
        """Return the members of its group that start before a child."""
        members = self._members.get(child.policy.group, [child])
        return members[: members.index(child)]

    def may_go(self, child: Child, falling: Sequence[Child]) -> bool:
        """Whether those of its group that go before a child have gone; ``falling`` are to be told yet."""
        members = self._members.get(child.policy.group, [child])
        later = members[members.index(child) + 1 :]
        return not any(mate.phase is Phase.STOPPING or mate in falling for mate in later)

    def keep_waiting(self, standing: set[str]) -> Mapping[str, str]:
        """Return who has to wait for which mate: an earlier one's turn, or the end of an old life."""
        waits: dict[str, str] = {}
        for members in self._members.values():
            ahead = next((mate.name for mate in members if _falls(mate)), None)
            for mate in members:
                if ahead is not None and ahead != mate.name:
                    waits[mate.name] = ahead
                elif ahead is None and mate.name not in standing and _is_awaited(mate):
                    ahead = mate.name
        return waits

    def restart_with(self, child: Child) -> None:
        """Let those that share its fate go down with a child, and wait as long as it does."""
        for mate in self.of(child):
            if mate is child or mate.wanted is not Wanted.RUNNING:
                continue
            if mate.policy.restart is Restart.TEMPORARY:
                mate.want(Wanted.FINISHED, f"{child.name} went down")
                continue
            mate.cycle = mate.cycle or mate.there
            # What has failed in the same moment is part of the same incident.
            mate.asked = mate.asked or mate.phase in {Phase.STOPPING, Phase.WEDGED}
            mate.due = max(mate.due, child.due)
            mate.reason = f"{child.name} went down"


def _falls(child: Child) -> bool:
    """Whether a child has an old life, which is to end before anybody of the new one starts."""
    return child.phase is Phase.STOPPING or (child.cycle and child.there)


def _is_awaited(child: Child) -> bool:
    """Whether the start of a child comes before that of the next."""
    return child.there or (child.phase is Phase.DOWN and child.wanted is Wanted.RUNNING)
