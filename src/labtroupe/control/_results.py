"""What comes of what an operator asks for."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from labtroupe.actor import SafetyReport
from labtroupe.control._snapshot import InstrumentStatus
from labtroupe.lifecycle import State


@attrs.frozen(kw_only=True)
class BenchStatus:
    """A whole bench at one moment."""

    bench: str
    instruments: Sequence[InstrumentStatus]


@attrs.frozen
class CallResult:
    """The answer to a command, with its unit where it has one."""

    value: object
    unit: str


@attrs.frozen(kw_only=True)
class VerbResult:
    """What an operator's verb came to.

    Attributes:
        instrument: Whom it was about.
        before: Its state before.
        after: Its state now.
        changed: Whether anything was changed by it: what was so already is no error.
        done: Whether the instrument is now as the verb wants it.
        note: More about it, in words; may be empty.
    """

    instrument: str
    before: State
    after: State
    changed: bool
    done: bool
    note: str


@attrs.frozen(kw_only=True)
class HaltResult:
    """What a halt came to; all of its instruments are halted, whatever else it says.

    Attributes:
        reports: Whether each is known to be in its safe state.
        not_kept: Why they are not halted any more if the bench's process is started
            again, in words; empty if they are.
    """

    reports: Sequence[SafetyReport]
    not_kept: str
