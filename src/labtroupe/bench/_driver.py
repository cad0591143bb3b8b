"""A driver without a bench: its class, and the settings it is to have."""

from __future__ import annotations

from collections.abc import Mapping

from labtroupe.bench._kinds import find_kind
from labtroupe.bench._mistakes import Wrong
from labtroupe.bench._values import read_fields, unknown_keys
from labtroupe.errors import ConfigError
from labtroupe.instrument import Instrument


def find_driver(kind: str, settings: Mapping[str, object]) -> tuple[type[Instrument], Mapping[str, object]]:
    """Return the class of a kind, and its settings as it takes them.

    Args:
        kind: The name of an entry point, or ``"package.module:Class"``.
        settings: What its table in a bench's file would say besides the keys of all instruments.

    Raises:
        ConfigError: There is no such kind, or it does not take these settings.
    """
    try:
        found = find_kind(kind)
    except Wrong as wrong:
        text = "; ".join(each.text for each in wrong.findings)
        raise ConfigError(
            text, remedy="Mend what it names, or write another kind, or package.module:Class."
        ) from wrong
    values, findings = read_fields(settings, found.instrument_type, found.settings)
    known = f"; {kind} takes {', '.join(found.settings) or 'no settings'}"
    findings += unknown_keys(settings, found.settings, known)
    if findings:
        text = "; ".join(" ".join([*map(str, each.place), each.text]) for each in findings)
        raise ConfigError(f"{kind}: {text}", remedy="Give its settings as KEY=VALUE.")
    return found.instrument_type, values
