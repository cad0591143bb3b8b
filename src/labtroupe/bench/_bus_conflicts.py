"""Mistakes that lie between a bus and the instruments on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from labtroupe.bench._instrument_table import Draft
from labtroupe.bench._mistakes import Finding, did_you_mean
from labtroupe.instrument import Addressed, Bus


def bus_conflicts(drafts: Sequence[Draft], line: Callable[..., int]) -> Iterator[Finding]:
    """Find the instruments whose bus is none or another one, and those with the address of an earlier one.

    Args:
        drafts: All instruments.
        line: From the keys to the line.
    """
    by_name = {draft.name: draft for draft in drafts}
    first: dict[tuple[str, object], str] = {}
    for draft in drafts:
        bus, unit = draft.table.bus, draft.settings.get("unit")
        if not bus:
            continue
        if text := _no_bus(draft, by_name):
            yield Finding((draft.name, "bus"), text)
        earlier = draft.name if unit is None else first.setdefault((bus, unit), draft.name)
        if earlier != draft.name:
            what = f"{earlier} on line {line(earlier, 'unit')} is unit {unit} of {bus} already"
            yield Finding((draft.name, "unit"), f"{what}; each needs an address of its own")


def _no_bus(draft: Draft, by_name: dict[str, Draft]) -> str:
    """Return why an instrument cannot be on the bus that it names, or nothing."""
    name = draft.table.bus
    if name not in by_name:
        return f'there is no instrument "{name}"{did_you_mean(name, by_name)}'
    kind, bus = draft.kind, by_name[name].kind
    if bus is not None and not issubclass(bus.instrument_type, Bus):
        return f"{name} is no bus, but of the kind {bus.name}"
    if kind is not None and not issubclass(kind.instrument_type, Addressed):
        return f"{kind.name} cannot be on a bus; derive it from labtroupe.instrument.Addressed"
    if bus is None or kind is None or bus.instrument_type.framing == kind.instrument_type.framing:
        return ""
    return f"{name} frames its requests otherwise than {kind.name}; they cannot understand each other"
