"""What an operator sees of an instrument, taken without asking the instrument."""

from __future__ import annotations

from typing import Any

import attrs
import trio

from labtroupe.actor import ActorRef, Cell, Reply
from labtroupe.control._wire import to_json
from labtroupe.instrument import Instrument
from labtroupe.messages import ReadingCommand, commands_of
from labtroupe.policy import Phase, RestartLimit, Wanted
from labtroupe.records import InstrumentStatus, LatchStatus, ReadingStatus, RequestStatus, RestartStatus
from labtroupe.supervision import Member, stack_of


@attrs.frozen(kw_only=True)
class InstrumentInfo:
    """What the bench's description says about an instrument.

    Attributes:
        kind: Its kind, as written there.
        address: Its address, as written there.
        simulated: Whether there is a simulated device at the other end.
        limit: What its restarts are held against: its own limits, or those of its group.
    """

    kind: str
    address: str
    simulated: bool
    limit: RestartLimit


def snapshot(member: Member, info: InstrumentInfo, faults: tuple[str, ...]) -> InstrumentStatus:
    """Look at one instrument; never waits, whatever the instrument is doing."""
    cell, now = member.cell, trio.current_time()
    current = cell.current
    wedged = member.record.phase is Phase.WEDGED and member.task is not None
    return InstrumentStatus(
        name=cell.name,
        kind=info.kind,
        address=info.address,
        simulated=info.simulated,
        state=cell.state,
        since=now - cell.changed_at,
        down=None if cell.down_since is None else now - cell.down_since,
        note=cell.reason,
        retry_in=cell.retry_in,
        life=cell.life,
        last_ok=None if cell.last_done is None else now - cell.last_done,
        stale=_stale(member, now),
        changed=_changed(member, now),
        wire=_wire(member),
        mailbox=len(cell.mailbox),
        capacity=cell.mailbox.capacity,
        current=None if current is None else repr(current.message),
        elapsed=None if current is None else now - current.asked_at,
        depends_on=member.record.policy.depends_on,
        faults=faults,
        latch=_latch(cell),
        suspended=cell.suspended,
        quarantined=tuple(sorted(cell.quarantine.commands)),
        leased_by=cell.leases.held.holder if cell.leases.held else "",
        unused=member.record.wanted is Wanted.IF_USED and cell.latch is None,
        restarts=_restarts(member, info.limit, now),
        queue=tuple(_request(each, now) for each in cell.mailbox),
        readings=_readings(cell),
        stack=stack_of(member.task) if wedged and member.task else "",
    )


def _stale(member: Member, now: float) -> float | None:
    since = member.record.up_since
    if since is None:
        return None
    silent = now - max(since, member.cell.heard_at)
    return silent if silent > member.cell.actor_type.stale_after else None


def _changed(member: Member, now: float) -> float | None:
    if not isinstance(member.actor, Instrument):
        return None
    since = member.actor.link.acquaintance.changed_at
    return None if since is None else now - since


def _wire(member: Member) -> str:
    if member.actor is None or member.record.phase is not Phase.UP:
        return "-"
    if member.actor.in_step:
        return "in step"
    return "suspect" if member.cell.current is None else "busy"


def _latch(cell: Cell) -> LatchStatus | None:
    latch, report = cell.latch, cell.safety.report
    if latch is None:
        return None
    confirmed, note = (False, "") if report is None else (report.confirmed, report.reason)
    return LatchStatus(reason=latch.reason, time=latch.time, confirmed=confirmed, note=note)


def _restarts(member: Member, limit: RestartLimit, now: float) -> RestartStatus:
    history = member.record.history
    return RestartStatus(
        streak=history.streak,
        lately=sum(moment > now - limit.max_seconds for moment in history.granted),
        allowed=limit.max_restarts,
        seconds=limit.max_seconds,
    )


def _request(reply: Reply[object], now: float) -> RequestStatus:
    message = reply.message
    return RequestStatus(command=repr(message), age=now - reply.asked_at, urgent=message.command.urgent)


def _readings(cell: Cell) -> tuple[ReadingStatus, ...]:
    commands = commands_of(cell.actor_type).values()
    return tuple(_reading(cell, each) for each in commands if isinstance(each, ReadingCommand))


def _reading(cell: Cell, command: ReadingCommand[..., Any]) -> ReadingStatus:
    found = ActorRef[Any](cell).reading(command)
    return ReadingStatus(
        name=command.name,
        value=_shown(found.value),
        unit=str(command.returns.unit or ""),
        age=None if found.time is None else found.age,
        quality=found.quality,
    )


def _shown(value: object) -> object:
    """Return a value as it can be sent; one instrument's odd answer must not hide all the others."""
    try:
        return to_json(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
