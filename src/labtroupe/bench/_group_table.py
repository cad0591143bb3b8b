"""One [groups.NAME] table: its keys, and what it says, as far as that is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import attrs

from labtroupe.bench._mistakes import Finding
from labtroupe.bench._named_table import no_table, wrong_name
from labtroupe.bench._values import IF_MISSING, Fields, fields_of, read_fields, unknown_keys
from labtroupe.policy import Group, RestartLimit, Strategy

_MEMBERS: Final = 'write who is in it, as in members = ["bus", "pump"]'


def _somebody(_: object, __: object, members: tuple[str, ...]) -> None:
    if not members:
        raise ValueError(f"there are none; {_MEMBERS}")


@attrs.frozen(kw_only=True)
class GroupTable:
    """The keys that the table of a group may have."""

    strategy: Strategy
    members: tuple[str, ...] = attrs.field(validator=_somebody, metadata={IF_MISSING: _MEMBERS})
    restart: RestartLimit = RestartLimit()


_KEYS: Final[Fields] = fields_of(GroupTable)


@attrs.frozen
class GroupDraft:
    """What a table says, as far as it is right.

    Attributes:
        members: The names as they are written; some may be none.
        group: How its members share their fate; ``None`` if its strategy is wrong.
        findings: What is wrong.
    """

    name: str
    findings: tuple[Finding, ...]
    members: Sequence[object] = ()
    group: Group | None = None

    @property
    def shared(self) -> bool:
        """Whether one restart is everybody's, so that they have an order, and one limit for all."""
        return self.group is not None and self.group.strategy is not Strategy.ONE_FOR_ONE


def read_group(name: str, value: object) -> GroupDraft:
    """Read the table of one group."""
    findings = list(wrong_name(name, "groups"))
    if not isinstance(value, dict):
        return GroupDraft(name, (*findings, no_table(value, "groups")))
    given = cast("dict[str, object]", value)
    keys, wrong = read_fields(given, GroupTable, _KEYS)
    findings += wrong
    findings += unknown_keys(given, _KEYS, f"; it takes {', '.join(_KEYS)}")
    written = given.get("members")
    members = cast("list[object]", written) if isinstance(written, list) else ()
    # Every value is of its field's type: read_fields has seen to that.
    strategy = cast("Strategy | None", keys.get("strategy"))
    limit = cast("RestartLimit", keys.get("restart", RestartLimit()))
    group = None if strategy is None else Group(strategy, limit)
    return GroupDraft(name, tuple(findings), members, group)
