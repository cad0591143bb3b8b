"""What an operator sees of an instrument, taken without asking the instrument."""

from __future__ import annotations

import attrs
import trio

from labtroupe.lifecycle import State
from labtroupe.policy import Phase
from labtroupe.supervision import Member


@attrs.frozen(kw_only=True)
class InstrumentInfo:
    """What the bench's description says about an instrument.

    Attributes:
        kind: Its kind, as written there.
        address: Its address, as written there.
        simulated: Whether there is a simulated device at the other end.
    """

    kind: str
    address: str
    simulated: bool


@attrs.frozen(kw_only=True)
class InstrumentStatus:
    """One instrument at one moment; all times in seconds.

    Attributes:
        state: What it is doing.
        since: How long it has been in this state.
        note: Why, and what is next, in words; empty for a running one.
        retry_in: Until its next start, if it backs off.
        life: Number of its present or last life.
        last_ok: Since a command was last done; ``None`` for never.
        wire: ``"in step"``, ``"busy"`` with a command, ``"suspect"``, or ``"-"`` when it is not running.
        mailbox: How many requests wait.
        capacity: How many its mailbox holds.
        current: The command it carries out now, ``None`` for none.
        elapsed: How long that has been running or waiting since it was asked.
        depends_on: The instruments that must be running while it is.
        faults: The faults in force at its simulated device.
    """

    name: str
    kind: str
    address: str
    simulated: bool
    state: State
    since: float
    note: str
    retry_in: float | None
    life: int
    last_ok: float | None
    wire: str
    mailbox: int
    capacity: int
    current: str | None
    elapsed: float | None
    depends_on: tuple[str, ...]
    faults: tuple[str, ...]


def snapshot(member: Member, info: InstrumentInfo, faults: tuple[str, ...]) -> InstrumentStatus:
    """Look at one instrument; never waits, whatever the instrument is doing."""
    cell, now = member.cell, trio.current_time()
    current = cell.current
    return InstrumentStatus(
        name=cell.name,
        kind=info.kind,
        address=info.address,
        simulated=info.simulated,
        state=cell.state,
        since=now - cell.changed_at,
        note=cell.reason,
        retry_in=None if cell.retry_at is None else max(0.0, cell.retry_at - now),
        life=cell.life,
        last_ok=None if cell.last_done is None else now - cell.last_done,
        wire=_wire(member),
        mailbox=len(cell.mailbox),
        capacity=cell.mailbox.capacity,
        current=None if current is None else repr(current.message),
        elapsed=None if current is None else now - current.asked_at,
        depends_on=member.record.policy.depends_on,
        faults=faults,
    )


def _wire(member: Member) -> str:
    if member.actor is None or member.record.phase is not Phase.UP:
        return "-"
    if member.actor.in_step:
        return "in step"
    return "suspect" if member.cell.current is None else "busy"
