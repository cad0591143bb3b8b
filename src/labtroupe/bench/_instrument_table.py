"""One [instruments.NAME] table: its keys, and what it says, as far as that is right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Literal, TypeVar, cast

import attrs
from attrs import validators

from labtroupe.actor import DEFAULT_CAPACITY
from labtroupe.bench._kinds import Kind, find_kind
from labtroupe.bench._mistakes import Finding, Wrong, did_you_mean
from labtroupe.bench._named_table import no_table, wrong_name
from labtroupe.bench._simulated import UNITS, make_simulated
from labtroupe.bench._values import IF_MISSING, Fields, fields_of, read_fields, unknown_keys
from labtroupe.errors import LabtroupeError, sentence
from labtroupe.instrument import Reattach
from labtroupe.policy import Backoff, RestartLimit
from labtroupe.transport import Address, SimAddress

T = TypeVar("T")


def _bounded(_: object, __: object, seconds: float) -> None:
    # Not even `inf`: a bench that is told to stop has to come to an end.
    if not 0 < seconds < math.inf:
        raise ValueError(f"must be above 0 and below infinity, not {seconds:g}")


@attrs.frozen(kw_only=True)
class InstrumentTable:
    """The keys that the table of any instrument may have; all others are settings of its kind."""

    kind: str = attrs.field(metadata={IF_MISSING: 'write what it is, as in kind = "scpi"'})
    address: str = ""
    bus: str = ""
    identity: str = ""
    simulation: str = ""
    reattach: Reattach = Reattach.ADOPT
    connect: Literal["wanted", "required", "on-demand"] = "wanted"
    depends_on: tuple[str, ...] = ()
    critical: bool = False
    mailbox: int = attrs.field(default=DEFAULT_CAPACITY, validator=validators.ge(1))
    start_timeout: float = attrs.field(default=10.0, validator=_bounded)
    shutdown: float = attrs.field(default=2.0, validator=_bounded)
    restart: RestartLimit = RestartLimit()
    backoff: Backoff = Backoff()


KEYS: Final[Fields] = fields_of(InstrumentTable)
"""The fields of `InstrumentTable`, by name."""


@attrs.frozen
class Draft:
    """What a table says, as far as it is right.

    Attributes:
        depends_on: The names as they are written; some may be none.
        table: Of the keys that any instrument may have; what is wrong has its default.
        settings: Of the settings of its kind, those that are right.
        findings: What is wrong.
    """

    name: str
    findings: tuple[Finding, ...]
    depends_on: Sequence[object] = ()
    table: InstrumentTable = InstrumentTable(kind="")
    kind: Kind | None = None
    address: Address | None = None
    settings: Mapping[str, object] = attrs.field(factory=dict[str, object])

    @property
    def waits_for(self) -> Sequence[object]:
        """All that it depends on, its bus as the last."""
        on_bus = self.table.bus and self.table.bus not in self.depends_on
        return (*self.depends_on, self.table.bus) if on_bus else self.depends_on


def read_instrument(name: str, value: object, find: Callable[[str], Kind] = find_kind) -> Draft:
    """Read the table of one instrument.

    Args:
        name: What it is called.
        value: The table.
        find: Finds its kind.
    """
    findings = list(wrong_name(name, "instruments"))
    if not isinstance(value, dict):
        return Draft(name, (*findings, no_table(value, "instruments")))
    given = cast("dict[str, object]", value)
    keys, wrong = read_fields(given, InstrumentTable, KEYS)
    findings += wrong
    findings += _address_and_bus(given)
    kind = _attempt(partial(_find_usable_kind, find), keys.get("kind"), "kind", findings)
    address = _attempt(_find_address, keys.get("address"), "address", findings)
    _attempt(check_simulation, keys.get("simulation"), "simulation", findings)
    settings, wrong = _read_settings(given, kind)
    findings += wrong
    findings += _undeclared(keys.get("reattach"), kind)
    # Every value is of its field's type: read_fields has seen to that.
    table = cast("Callable[..., InstrumentTable]", InstrumentTable)(**{"kind": "", **keys})
    written = given.get("depends_on")
    depends_on = cast("list[object]", written) if isinstance(written, list) else ()
    return Draft(name, tuple(findings), depends_on, table, kind, address, settings)


def _address_and_bus(table: Mapping[str, object]) -> Iterator[Finding]:
    """Find out whether there is one of the two."""
    if "address" not in table and "bus" not in table:
        hint = 'write where it is, as in address = "serial:/dev/ttyUSB0"'
        yield Finding((), f"address is missing; {hint}")
    if "address" in table and "bus" in table:
        yield Finding(("bus",), "there is an address as well; take out one of them, as a bus has the address")


def _attempt(find: Callable[[str], T], text: object, key: str, findings: list[Finding]) -> T | None:
    """Return what ``find`` makes of the value of a key, if it is right and there is one."""
    if not isinstance(text, str):
        return None
    try:
        return find(text)
    except Wrong as wrong:
        findings += (finding.under(key) for finding in wrong.findings)
        return None


def _find_usable_kind(find: Callable[[str], Kind], text: str) -> Kind:
    kind = find(text)
    if taken := [name for name in kind.settings if name in KEYS]:
        what = f"{text} has a setting called {taken[0]}, but that is a key of every instrument"
        raise Wrong.because(f"{what}; give the field of its class another name")
    return kind


def check_simulation(text: str) -> None:
    """See that a text is the address of a simulated device, or empty.

    Raises:
        Wrong: It is not.
    """
    if text and not isinstance(_find_address(text.replace(UNITS, "1")), SimAddress):
        raise Wrong.because(f'{text} is no simulated device; write one, as in "sim:scpi"')


def _find_address(text: str) -> Address:
    try:
        address = Address.parse(text)
        if isinstance(address, SimAddress):
            make_simulated(address)
    except LabtroupeError as error:
        raise Wrong.because(_with_remedy(error)) from error
    except Exception as error:
        # A simulated device of a user's own may raise anything.
        raise Wrong.because(f"{text} cannot be simulated ({type(error).__name__}: {error})") from error
    return address


def _undeclared(reattach: object, kind: Kind | None) -> Iterator[Finding]:
    """Find out whether the kind can do what is to be done when the device comes back."""
    if kind is not None and isinstance(reattach, Reattach) and not kind.instrument_type.declares(reattach):
        method = {Reattach.RESTORE: "restore", Reattach.RESET: "reset_device"}[reattach]
        what = f'must be "adopt" or "ask", as {kind.name} does not say how to {reattach} its device'
        yield Finding(("reattach",), f"{what}; or declare {method} in its class")


def _with_remedy(error: LabtroupeError) -> str:
    remedy = error.remedy.removesuffix(".")
    return f"{sentence(error)} ({remedy[:1].lower()}{remedy[1:]})"


def _read_settings(
    table: Mapping[str, object], kind: Kind | None
) -> tuple[Mapping[str, object], list[Finding]]:
    if kind is None:
        # Without the kind nobody knows its settings, but what is likely to be one of our keys.
        free = KEYS.keys() - table.keys()
        return {}, [each for each in unknown_keys(table, KEYS, "") if did_you_mean(str(each.place[0]), free)]
    settings, findings = read_fields(table, kind.instrument_type, kind.settings)
    own = f"takes {', '.join(kind.settings)}" if kind.settings else "has no settings of its own"
    findings += unknown_keys(table, {**KEYS, **kind.settings}, f"; {kind.name} {own}")
    return settings, findings
