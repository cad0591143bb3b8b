"""Mistakes that lie between groups and instruments: members, limits, and orders that cannot be kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

from labtroupe.bench._conflicts import (
    Dependencies,
    LineOf,
    circles,
    known_dependencies,
    names_alike,
    unknown_instruments,
)
from labtroupe.bench._group_table import GroupDraft
from labtroupe.bench._mistakes import Finding, Place, spell


def group_conflicts(
    groups: Sequence[GroupDraft], depends_on: Dependencies, line: LineOf
) -> Iterator[Finding]:
    """Find what is wrong with each group, between them, and between them and the instruments.

    Args:
        groups: The groups, in the order of the file.
        depends_on: The instruments, with what they depend on.
        line: From the keys to the line.
    """
    for group in groups:
        yield from (finding.under("groups", group.name) for finding in group.findings)
    members = {group.name: group.members for group in groups}
    alike = names_alike(list(members), partial(line, "groups"))
    unknown = unknown_instruments(members, "members", depends_on)
    yield from (finding.under("groups") for finding in (*alike, *unknown))
    yield from _members_again(groups, line)
    yield from _limits_elsewhere(groups, depends_on, line)
    # As long as there is a circle, no order is right.
    if not any(circles(depends_on)):
        yield from _orders_impossible(groups, depends_on)


def _members_again(groups: Sequence[GroupDraft], line: LineOf) -> Iterator[Finding]:
    """Find the members that are listed more than once, be it in one group or in two."""
    first: dict[str, Place] = {}
    for group in groups:
        for index, name in enumerate(group.members):
            place = ("groups", group.name, "members", index)
            if isinstance(name, str) and (earlier := first.setdefault(name, place)) != place:
                what = f"{name} is in group {earlier[1]} on line {line(*earlier)} already"
                yield Finding(place, f"{what}; an instrument can be in one group only, and once")


def _limits_elsewhere(
    groups: Sequence[GroupDraft], instruments: Collection[str], line: LineOf
) -> Iterator[Finding]:
    """Find the limits that are written where nobody would look at them."""
    for group, members in _instruments_of(groups, instruments):
        table = f"[{spell(('groups', group.name))}] on line {line('groups', group.name)}"
        for name in members if group.shared else ():
            if line("instruments", name, "restart"):
                what = f"the members of {group.name} have one limit together"
                yield Finding(("instruments", name, "restart"), f"{what}; write restart in {table} instead")
        if group.group is not None and not group.shared and line("groups", group.name, "restart"):
            where = f", such as [{spell(('instruments', members[0]))}]" if members else ""
            what = "in one_for_one each member has a limit of its own; write restart in its own table"
            yield Finding(("groups", group.name, "restart"), f"{what}{where}")


def _orders_impossible(groups: Sequence[GroupDraft], depends_on: Dependencies) -> Iterator[Finding]:
    """Find the members that are listed before one that has to start before them.

    A member waits for the one before it as well as for what it depends on, so
    that groups whose orders can each be kept may still contradict one another.
    """
    waits_for = known_dependencies(depends_on)
    for group, members in _instruments_of(groups, depends_on):
        if not group.shared:
            continue
        possible = True
        for index, name in enumerate(members):
            if path := _path(name, set(members[index + 1 :]), waits_for):
                possible = False
                what = f"{name} is listed before {path[-1]}, but can only start after it"
                place = ("groups", group.name, "members", group.members.index(name))
                yield Finding(place, f"{what} ({' -> '.join(path)}); list {path[-1]} first")
        # What follows from an order that is wrong is no news.
        for earlier, later in pairwise(members) if possible else ():
            waits_for[later].append(earlier)


def _instruments_of(
    groups: Sequence[GroupDraft], instruments: Collection[str]
) -> Iterator[tuple[GroupDraft, Sequence[str]]]:
    """Iterate over the groups, each with its members that exist and are in none before it."""
    taken = set[str]()
    for group in groups:
        members = dict.fromkeys(name for name in group.members if isinstance(name, str))
        found = [name for name in members if name in instruments and name not in taken]
        taken.update(found)
        yield group, found


def _path(start: str, ends: Collection[str], waits_for: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Return a shortest path from one name to any of others, both included, if there is one."""
    paths, seen = deque[Sequence[str]]([(start,)]), {start}
    while paths:
        path = paths.popleft()
        if path[-1] in ends:
            return path
        for name in waits_for[path[-1]]:
            if name not in seen:
                seen.add(name)
                paths.append((*path, name))
    return ()
