"""The children of one supervisor in their order, and who stands on whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from labtroupe.policy._child import Child, Phase, Policy, Wanted
from labtroupe.policy._group import Group
from labtroupe.policy._mates import Mates
from labtroupe.policy._order import dependencies_first


@attrs.define(eq=False)
class Children:
    """The records by name, each after those that it depends on.

    Attributes:
        mates: Who shares whose fate.
        required: Names of those that are required, and of all that they wait for.
    """

    mates: Mates
    required: set[str] = attrs.field(factory=set[str], init=False)
    _by_name: dict[str, Child] = attrs.field(factory=dict[str, Child], init=False)

    @classmethod
    def of(cls, policies: Mapping[str, Policy], groups: Mapping[str, Group]) -> Children:
        """Make the records of children that have not been started.

        Raises:
            ValueError: A dependency or a group is unknown, or children depend on one another in a circle.
        """
        children = cls(Mates({"": Group(), **groups}))
        for name in dependencies_first({name: policy.depends_on for name, policy in policies.items()}):
            children.add(name, policies[name])
        return children

    def __iter__(self) -> Iterator[Child]:
        """Iterate over the records, dependencies before dependents."""
        return iter(self._by_name.values())

    def __reversed__(self) -> Iterator[Child]:
        """Iterate over the records, dependents before dependencies."""
        return reversed(self._by_name.values())

    def __getitem__(self, name: str) -> Child:
        """Return one record."""
        return self._by_name[name]

    def add(self, name: str, policy: Policy) -> Child:
        """Make another record, after all others.

        Raises:
            ValueError: What it depends on, or its group, is unknown.
        """
        for needed in policy.depends_on:
            if needed not in self._by_name:
                raise ValueError(f"{name} depends on {needed}, which does not exist")
        child = Child(name, policy)
        self.mates.join(child)
        self._by_name[name] = child
        if policy.required:
            self._require(child)
        return child

    def remove(self, child: Child) -> None:
        """Forget a child that nobody depends on."""
        del self._by_name[child.name]
        self.required.discard(child.name)
        self.mates.leave(child)

    def dependents(self, child: Child) -> Sequence[str]:
        """Return the names of those that depend on a child directly."""
        return [other.name for other in self if child.name in other.policy.depends_on]

    def standing(self, *, closed: bool) -> set[str]:
        """Return the names of those that are up, and may stay so."""
        standing = set[str]()
        for child in self:
            if child.phase is Phase.UP and not must_stop(child, standing, closed=closed):
                standing.add(child.name)
        return standing

    def needed(self) -> set[str]:
        """Return the names of those on which one that is still there depends, directly or through others."""
        needed = set[str]()
        for child in reversed(self):
            if not child.gone or child.name in needed:
                needed.update(child.policy.depends_on)
        return needed

    def opening(self, now: float) -> Iterator[Child]:
        """Iterate over those whose start keeps others from starting."""
        starting = (child for child in self if child.phase is Phase.STARTING)
        return (child for child in starting if child.keeps_waiting_until > now)

    def awaited(self, names: Iterable[str]) -> set[str]:
        """Return names, and those of all that they depend on, directly or through others."""
        awaited = set(names)
        for child in reversed(self):
            if child.name in awaited:
                awaited.update(child.policy.depends_on)
        return awaited

    def waiting(self, standing: set[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the names of those that have to wait, each with those for whom."""
        mates = self.mates.keep_waiting(standing)
        waits: dict[str, tuple[str, ...]] = {}
        for child in self:
            missing = [name for name in child.policy.depends_on if name not in standing]
            if child.name in mates and mates[child.name] not in missing:
                missing.append(mates[child.name])
            if missing:
                waits[child.name] = tuple(missing)
        return waits

    def _require(self, child: Child) -> None:
        self.required.add(child.name)
        for other in (*map(self.__getitem__, child.policy.depends_on), *self.mates.before(child)):
            self._require(other)


def must_stop(child: Child, standing: set[str], *, closed: bool) -> bool:
    """Return whether a child must go down, for its own sake or because what it depends on does not stand."""
    told = closed or child.cycle or child.wanted is not Wanted.RUNNING
    return told or not standing.issuperset(child.policy.depends_on)
