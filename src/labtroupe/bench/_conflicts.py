"""Mistakes that lie between instruments: names, addresses, dependencies."""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from labtroupe.bench._mistakes import Finding, did_you_mean
from labtroupe.transport import Address, SimAddress

Dependencies = Mapping[str, Sequence[object]]
"""What each instrument depends on as it is written, be it the name of an instrument or not."""
LineOf = Callable[..., int]
"""From the keys under `instruments` to the line."""


def names_alike(names: Sequence[str], line: LineOf) -> Iterator[Finding]:
    """Find the names that differ from an earlier one only in upper and lower case."""
    first: dict[str, str] = {}
    for name in names:
        earlier = first.setdefault(name.lower(), name)
        if earlier != name:
            what = f"differs only in upper and lower case from {earlier} on line {line(earlier)}"
            yield Finding((name,), f"{what}; give one of them another name")


def addresses_shared(addresses: Mapping[str, Address], line: LineOf) -> Iterator[Finding]:
    """Find the addresses that are those of earlier instruments; each simulated device is one of its own."""
    first: dict[str, str] = {}
    for name, address in addresses.items():
        if isinstance(address, SimAddress):
            continue
        earlier = first.setdefault(address.resource(), name)
        if earlier != name:
            what = f"{earlier} on line {line(earlier, 'address')} has this address already"
            yield Finding((name, "address"), f"{what}; only one instrument can")


def unknown_dependencies(depends_on: Dependencies) -> Iterator[Finding]:
    """Find the dependencies on instruments that do not exist."""
    for name, needed in depends_on.items():
        for index, other in enumerate(needed):
            if isinstance(other, str) and other not in depends_on:
                what = f'there is no instrument "{other}"{did_you_mean(other, depends_on)}'
                yield Finding((name, "depends_on", index), what)


def circles(depends_on: Dependencies) -> Iterator[Finding]:
    """Find the circles of dependencies, each where the first instrument in it depends on the next."""
    graph = {name: [other for other in depends_on if other in needed] for name, needed in depends_on.items()}
    order = list(depends_on)
    while circle := _circle(graph):
        start = min(range(len(circle)), key=lambda at: order.index(circle[at]))
        around = [*circle[start:], *circle[:start], circle[start]]
        index = depends_on[around[0]].index(around[1])
        what = f"{' -> '.join(around)} is a circle, so none in it could ever start; take out one of these"
        yield Finding((around[0], "depends_on", index), what)
        graph[around[0]].remove(around[1])


def _circle(graph: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Return names of which each depends on the next and the last on the first, if there are such."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # It says who comes before whom, the first again as the last.
        found: Sequence[str] = error.args[1][:0:-1]
        return found
    return ()
