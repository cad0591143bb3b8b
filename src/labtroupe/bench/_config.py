"""The description of a bench: bench.toml, held against everything that can be wrong in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import attrs
from attrs import validators

from labtroupe.bench._conflicts import addresses_shared, circles, names_alike, unknown_dependencies
from labtroupe.bench._document import Document, read_document
from labtroupe.bench._instrument_table import Draft, read_instrument
from labtroupe.bench._mistakes import Finding, Wrong
from labtroupe.bench._values import read, unknown_keys
from labtroupe.bench._words import describe, spell_value
from labtroupe.instrument import Instrument
from labtroupe.policy import Policy
from labtroupe.transport import Address

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_TABLES: Final = ("bench", "instruments")
_BEGIN: Final = "begin an instrument with [instruments.NAME]"


@attrs.frozen(kw_only=True)
class InstrumentConfig:
    """What a bench says about one instrument.

    Attributes:
        kind: The kind as the file has it.
        instrument_type: The class that it names.
        address: Where the device is.
        settings: What the class is given besides its link, typed and validated.
        policy: How its failures are treated.
        start_timeout: Seconds a start may take.
        mailbox: Requests its mailbox holds.
    """

    name: str
    kind: str
    instrument_type: type[Instrument]
    address: Address
    settings: Mapping[str, object]
    policy: Policy
    start_timeout: float
    mailbox: int


@attrs.frozen
class BenchConfig:
    """What a file says about a bench.

    Attributes:
        name: The one it is given, else the file's without its suffix.
        path: The file.
        instruments: In the order of the file.
    """

    name: str
    path: Path
    instruments: tuple[InstrumentConfig, ...]


def load_bench(path: str | os.PathLike[str]) -> BenchConfig:
    """Read the description of a bench; nothing is opened, and nothing but the kinds is imported.

    Raises:
        BenchConfigError: Its ``mistakes`` are everything that is wrong.
    """
    path = Path(path)
    document = read_document(path)
    findings = list(unknown_keys(document.content, _TABLES, "; there are [bench] and [instruments.NAME]"))
    # If there is none, the table with the unknown name may be what was meant.
    drafts = _read_instruments(document.content.get("instruments", {}), findings, may_be_empty=bool(findings))
    name = _read_name(document.content.get("bench", {}), path.stem, findings)
    findings += (finding.under("instruments") for finding in _conflicts(drafts, document))
    if findings:
        raise document.error(findings)
    return BenchConfig(name, path, tuple(map(_finish, drafts)))


def _check_name(_: object, __: object, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"no bench can have the name {spell_value(name)}; use letters, digits, - and _")


@attrs.frozen
class _BenchTable:
    name: str | None = attrs.field(default=None, validator=validators.optional(_check_name))


def _read_name(table: object, stem: str, findings: list[Finding]) -> str:
    """Return the name of the bench, by default that of its file."""
    try:
        name = cast("_BenchTable", read(table, _BenchTable)).name or stem
    except Wrong as wrong:
        findings += (finding.under("bench") for finding in wrong.findings)
        return stem
    if not _NAME.fullmatch(name):
        what = f"name is missing, and the file's name {spell_value(name)} is none for a bench"
        findings.append(Finding(("bench",), f'{what}; write one, such as name = "bench-1"'))
    return name


def _read_instruments(tables: object, findings: list[Finding], *, may_be_empty: bool) -> Sequence[Draft]:
    if not isinstance(tables, dict):
        findings.append(Finding(("instruments",), f"must be a table, not {describe(tables)}; {_BEGIN}"))
        return ()
    if not tables and not may_be_empty:
        findings.append(Finding(("instruments",), f"there are none; {_BEGIN}"))
    return [read_instrument(name, table) for name, table in cast("dict[str, object]", tables).items()]


def _conflicts(drafts: Sequence[Draft], document: Document) -> Iterator[Finding]:
    """Yield, from under ``instruments``, what is wrong with each and between them."""
    for draft in drafts:
        yield from (finding.under(draft.name) for finding in draft.findings)

    def line(*place: str) -> int:
        return document.line(("instruments", *place))

    depends_on = {draft.name: draft.depends_on for draft in drafts}
    yield from names_alike(list(depends_on), line)
    yield from addresses_shared({draft.name: draft.address for draft in drafts if draft.address}, line)
    yield from unknown_dependencies(depends_on)
    yield from circles(depends_on)


def _finish(draft: Draft) -> InstrumentConfig:
    """Return the configuration of an instrument that has no mistakes."""
    table, kind, address = draft.table, draft.kind, draft.address
    if kind is None or address is None:
        raise AssertionError(f"{draft.name} has neither a mistake nor a kind and an address")
    policy = Policy(
        depends_on=table.depends_on,
        required=table.connect == "required",
        critical=table.critical,
        shutdown=table.shutdown,
        backoff=table.backoff,
        limit=table.restart,
    )
    return InstrumentConfig(
        name=draft.name,
        kind=table.kind,
        instrument_type=kind.instrument_type,
        address=address,
        settings=draft.settings,
        policy=policy,
        start_timeout=table.start_timeout,
        mailbox=table.mailbox,
    )
