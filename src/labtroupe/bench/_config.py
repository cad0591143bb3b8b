"""The description of a bench, held against everything that can be wrong in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar, cast

import attrs
from attrs import validators

from labtroupe.bench._conflicts import instrument_conflicts
from labtroupe.bench._document import Document
from labtroupe.bench._group_conflicts import group_conflicts
from labtroupe.bench._group_table import GroupDraft, read_group
from labtroupe.bench._instrument_table import Draft
from labtroupe.bench._mistakes import Finding, Origin, Wrong
from labtroupe.bench._named_table import Parent, no_table
from labtroupe.bench._values import read, unknown_keys
from labtroupe.bench._words import spell_value
from labtroupe.instrument import Instrument, Reattach
from labtroupe.policy import STARTS_AT_ONCE, Group, Policy, Strategy
from labtroupe.transport import Address, SimAddress

T = TypeVar("T")

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_TABLES: Final = ("bench", "instruments", "groups")
_THERE_ARE: Final = "; there are [bench], [instruments.NAME] and [groups.NAME]"


@attrs.frozen(kw_only=True)
class InstrumentConfig:
    """What a bench says about one instrument.

    Attributes:
        kind: The kind as the file has it.
        instrument_type: The class that it names.
        address: Where the device is; ``None`` if it is on a bus.
        bus: The name of that; empty if there is none.
        identity: Who the device must say it is, with ``*`` for anything; empty for whoever is there.
        simulation: The address of what stands in for the device if the bench is simulated; empty for nothing.
        reattach: What is done when the device comes back.
        settings: What the class is given besides its link, typed and validated.
        policy: How its failures are treated.
        start_timeout: Seconds a start may take.
        mailbox: Requests its mailbox holds.
        origin: Where all this is written.
    """

    name: str
    kind: str
    instrument_type: type[Instrument]
    address: Address | None
    bus: str
    identity: str
    simulation: str
    reattach: Reattach
    settings: Mapping[str, object]
    policy: Policy
    start_timeout: float
    mailbox: int
    origin: Origin = attrs.field(default=Origin(), eq=False, repr=False)

    @property
    def place(self) -> str:
        """Where the device is, for people."""
        return f"{self.bus}, unit {self.settings['unit']}" if self.address is None else str(self.address)


@attrs.frozen(kw_only=True)
class GroupConfig:
    """What a bench says about one group.

    Attributes:
        members: Names of instruments, in the order of the group.
        group: How they share their fate.
    """

    name: str
    members: tuple[str, ...]
    group: Group


@attrs.frozen
class BenchConfig:
    """What a file says about a bench.

    Attributes:
        name: The one it is given, else the file's without its suffix.
        path: The file; the same bench may be described in others.
        instruments: In the order of the file.
        groups: Those of them that share their fate, in the order of the file.
        starts_at_once: How many may be starting at the same time.
    """

    name: str
    path: Path = attrs.field(eq=False)
    instruments: tuple[InstrumentConfig, ...]
    groups: tuple[GroupConfig, ...] = ()
    starts_at_once: int = STARTS_AT_ONCE

    def is_simulated(self, instrument: InstrumentConfig) -> bool:
        """Return whether there is a simulated device at the other end, perhaps on a simulated bus."""
        port = next((each for each in self.instruments if each.name == instrument.bus), instrument)
        return isinstance(port.address, SimAddress)

    def in_order(self) -> Sequence[InstrumentConfig]:
        """Return the instruments, each after those it depends on and those before it in its group."""
        sorter = TopologicalSorter({each.name: each.policy.depends_on for each in self.instruments})
        for each in self.groups:
            if each.group.strategy is not Strategy.ONE_FOR_ONE:
                for earlier, later in pairwise(each.members):
                    sorter.add(later, earlier)
        order = list(sorter.static_order())
        return sorted(self.instruments, key=lambda each: order.index(each.name))


def make_config(document: Document, read_one: Callable[[str, object], Draft]) -> BenchConfig:
    """Return what a document says about a bench.

    Args:
        document: Where it is written.
        read_one: Reads the table of one instrument.

    Raises:
        BenchConfigError: Its ``mistakes`` are everything that is wrong.
    """
    path = Path(document.file)
    findings = list(unknown_keys(document.content, _TABLES, _THERE_ARE))
    drafts = _read_named(document, "instruments", read_one, findings)
    # The table with the unknown name may be what was meant.
    if not drafts and not findings:
        findings.append(Finding(("instruments",), f"there are none; {document.begin}"))
    group_drafts = _read_named(document, "groups", read_group, findings)
    table, name = _read_bench(document.content.get("bench", {}), path.stem, findings)
    findings += _conflicts(drafts, group_drafts, document)
    if findings:
        raise document.error(findings)
    groups = tuple(map(_finish_group, group_drafts))
    group_of = {member: group.name for group in groups for member in group.members}
    instruments = tuple(
        _finish(draft, group_of.get(draft.name, ""), document.origin(("instruments", draft.name)))
        for draft in drafts
    )
    return BenchConfig(name, path, instruments, groups, table.starts_at_once)


def _check_name(_: object, __: object, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"no bench can have the name {spell_value(name)}; use letters, digits, - and _")


@attrs.frozen
class _BenchTable:
    name: str | None = attrs.field(default=None, validator=validators.optional(_check_name))
    starts_at_once: int = attrs.field(default=STARTS_AT_ONCE, validator=validators.ge(1))


def _read_bench(value: object, stem: str, findings: list[Finding]) -> tuple[_BenchTable, str]:
    """Return what is said of the bench as a whole, and its name, by default that of its file."""
    try:
        table = cast("_BenchTable", read(value, _BenchTable))
    except Wrong as wrong:
        findings += (finding.under("bench") for finding in wrong.findings)
        return _BenchTable(), stem
    name = table.name or stem
    if not _NAME.fullmatch(name):
        what = f"name is missing, and the file's name {spell_value(name)} is none for a bench"
        findings.append(Finding(("bench",), f'{what}; write one, such as name = "bench-1"'))
    return table, name


def _read_named(
    document: Document, parent: Parent, read_one: Callable[[str, object], T], findings: list[Finding]
) -> Sequence[T]:
    """Return what each table under a parent says."""
    tables = document.content.get(parent, {})
    if not isinstance(tables, dict):
        findings.append(no_table(tables, parent).under(parent))
        return ()
    return [read_one(name, table) for name, table in cast("dict[str, object]", tables).items()]


def _conflicts(
    drafts: Sequence[Draft], groups: Sequence[GroupDraft], document: Document
) -> Iterator[Finding]:
    """Yield what is wrong with each instrument and group, and between them."""

    def line(*place: str | int) -> int:
        return document.line(place)

    depends_on = {draft.name: draft.waits_for for draft in drafts}
    between = instrument_conflicts(drafts, depends_on, partial(line, "instruments"))
    yield from (finding.under("instruments") for finding in between)
    yield from group_conflicts(groups, depends_on, line)


def _finish_group(draft: GroupDraft) -> GroupConfig:
    """Return the configuration of a group that has no mistakes."""
    if draft.group is None:
        raise AssertionError(f"{draft.name} has neither a mistake nor a strategy")
    return GroupConfig(name=draft.name, members=tuple(map(str, draft.members)), group=draft.group)


def _finish(draft: Draft, group: str, origin: Origin) -> InstrumentConfig:
    """Return the configuration of an instrument that has no mistakes."""
    table, kind = draft.table, draft.kind
    if kind is None or (draft.address is None and not table.bus):
        raise AssertionError(f"{draft.name} has neither a mistake nor a kind and an address")
    policy = Policy(
        depends_on=tuple(map(str, draft.waits_for)),
        required=table.connect == "required",
        on_demand=table.connect == "on-demand",
        critical=table.critical,
        group=group,
        shares=table.bus,
        shutdown=table.shutdown,
        backoff=table.backoff,
        limit=table.restart,
    )
    return InstrumentConfig(
        name=draft.name,
        kind=table.kind,
        instrument_type=kind.instrument_type,
        address=draft.address,
        bus=table.bus,
        identity=table.identity,
        simulation=table.simulation or kind.instrument_type.simulation,
        reattach=table.reattach,
        settings=draft.settings,
        policy=policy,
        start_timeout=table.start_timeout,
        mailbox=table.mailbox,
        origin=origin,
    )
