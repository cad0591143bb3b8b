"""In which order children are to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush


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
    names = list(depends_on)
    places = {name: place for place, name in enumerate(names)}
    ready, order = list[int](), list[str]()
    # One by one: an order that is right as given stays as it is, which that of a group relies on.
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, places[name])
        order.append(names[heappop(ready)])
        sorter.done(order[-1])
    return order
