"""Mistakes that lie in and between instruments: names, addresses, dependencies."""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal

from labtroupe.bench._bus_conflicts import bus_conflicts
from labtroupe.bench._instrument_table import Draft
from labtroupe.bench._mistakes import Finding, did_you_mean
from labtroupe.transport import Address, SimAddress

Dependencies = Mapping[str, Sequence[object]]
"""What each instrument depends on, be it the name of an instrument or not."""
LineOf = Callable[..., int]
"""From the keys, those above left out, to the line; 0 for what the file does not have."""


def instrument_conflicts(
    drafts: Sequence[Draft], depends_on: Dependencies, line: LineOf
) -> Iterator[Finding]:
    """Find what is wrong with each instrument, and between them."""
    for draft in drafts:
        yield from (finding.under(draft.name) for finding in draft.findings)
    yield from names_alike(list(depends_on), line)
    yield from addresses_shared({draft.name: draft.address for draft in drafts if draft.address}, line)
    written = {draft.name: draft.depends_on for draft in drafts}
    yield from unknown_instruments(written, "depends_on", depends_on)
    yield from bus_conflicts(drafts, line)
    for circle in circles(depends_on):
        instrument, _, index = circle.place
        # What is not written there follows from the bus.
        by_bus = index == len(written[str(instrument)])
        yield Finding((instrument, "bus"), circle.text) if by_bus else circle


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


def unknown_instruments(
    tables: Mapping[str, Sequence[object]], key: Literal["depends_on", "members"], known: Collection[str]
) -> Iterator[Finding]:
    """Find the names of instruments that do not exist in what some tables have for a key."""
    for table, names in tables.items():
        for index, name in enumerate(names):
            if isinstance(name, str) and name not in known:
                what = f'there is no instrument "{name}"{did_you_mean(name, known)}'
                yield Finding((table, key, index), what)


def circles(depends_on: Dependencies) -> Iterator[Finding]:
    """Find the circles of dependencies, each where the first instrument in it depends on the next."""
    graph = known_dependencies(depends_on)
    order = list(depends_on)
    while circle := _circle(graph):
        start = min(range(len(circle)), key=lambda at: order.index(circle[at]))
        around = [*circle[start:], *circle[:start], circle[start]]
        index = depends_on[around[0]].index(around[1])
        what = f"{' -> '.join(around)} is a circle, so none in it could ever start; take out one of these"
        yield Finding((around[0], "depends_on", index), what)
        graph[around[0]].remove(around[1])


def known_dependencies(depends_on: Dependencies) -> dict[str, list[str]]:
    """Return what each instrument depends on, without names that are none."""
    return {name: [other for other in depends_on if other in needed] for name, needed in depends_on.items()}


def _circle(graph: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Return names of which each depends on the next and the last on the first, if there are such."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # It says who comes before whom, the first again as the last.
        found: Sequence[str] = error.args[1][:0:-1]
        return found
    return ()
