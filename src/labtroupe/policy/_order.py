"""In which order children are to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter


def dependencies_first(depends_on: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Order names so that each comes after those it depends on, otherwise as given.

    Raises:
        ValueError: A dependency is unknown, or some depend on one another in a circle.
    """
    for name, needed in depends_on.items():
        for other in needed:
            if other not in depends_on:
                raise ValueError(f"{name} depends on {other}, which does not exist")
    sorter = TopologicalSorter(depends_on)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ValueError(f"these depend on one another in a circle: {circle}") from None
    order: list[str] = []
    while sorter.is_active():
        ready = set(sorter.get_ready())
        order.extend(name for name in depends_on if name in ready)
        sorter.done(*ready)
    return order
