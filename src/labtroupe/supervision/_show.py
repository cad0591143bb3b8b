"""What the records say of a child, said by its cell."""

from __future__ import annotations

from labtroupe.actor import Change, ChangeKind
from labtroupe.lifecycle import State
from labtroupe.messages import Wedged
from labtroupe.policy import Child, Phase, Roster, Wanted
from labtroupe.supervision._child import Member
from labtroupe.supervision._stacks import stack_of

# In these states nobody is going to carry out what waits in the mailbox.
_REFUSING = frozenset({State.STOPPED, State.FAILED})


def state_of(member: Member, roster: Roster) -> State:
    """Return a member's state in the words that users see."""
    return roster.state(member.record) if member.cell.latch is None else State.HALTED


def show(member: Member, roster: Roster) -> None:
    """Let the cell say what the record says, and refuse what nobody will carry out."""
    record, cell = member.record, member.cell
    state = roster.state(record)
    seen = (
        state,
        record.phase,
        record.wanted,
        record.due,
        record.reason,
        roster.waits_for(record),
        cell.latch,
    )
    wants = roster.wants(record)
    said = seen == member.shown and wants is cell.restarting
    if said and cell.state is state_of(member, roster):
        # Most have not changed, and each look comes by all of them.
        return
    member.shown, cell.restarting = seen, wants
    retry_at = record.due if state is State.BACKOFF else None
    cell.move(state_of(member, roster), _reason(member, roster, state), retry_at=retry_at)
    if not wants and (state in _REFUSING or state is State.STOPPING):
        cell.flush(cell.refuse)
    elif state is State.BACKOFF:
        cell.refuse_the_impatient()
        cell.end_grace()
    _tell(member, state)
    if member.spec.inner is not None:
        member.spec.inner.keeper.stand_by(member, wanted=wants)


def _tell(member: Member, state: State) -> None:
    """Say once what is not to be missed: that a life is wedged, and that there will be no other."""
    record, cell = member.record, member.cell
    wedged, parked = record.phase is Phase.WEDGED, state is State.FAILED
    if wedged and not member.wedged and member.task is not None:
        cell.publish(Wedged(instrument=record.name, stack=stack_of(member.task)))
        cell.tell_watchers(Change(ChangeKind.WEDGED, cell.life, "told to stop, and does not"))
        if cell.current is not None:
            cell.current.cancel("its actor is wedged")
    if parked and not member.parked:
        cell.tell_watchers(Change(ChangeKind.PARKED, cell.life, record.reason))
    member.wedged, member.parked = wedged, parked


def _reason(member: Member, roster: Roster, state: State) -> str:
    """Return why a child is in its state; a running one needs no reason."""
    reason = "" if state is State.RUNNING else _reason_of(member.record, roster, state)
    latch = member.cell.latch
    return reason if latch is None else f"{latch.reason} (it is {state}{f': {reason}' if reason else ''})"


def _reason_of(record: Child, roster: Roster, state: State) -> str:
    if record.phase is Phase.WEDGED:
        return "wedged: told to stop, and does not"
    if record.wanted is Wanted.IF_USED:
        return "starts when something is asked of it"
    if record.wanted is not Wanted.RUNNING or state is State.BACKOFF:
        return record.reason
    if roster.closed:
        return "the bench stops"
    waits_for = ", ".join(roster.waits_for(record))
    last_time = f"last time: {record.reason}" if record.reason else ""
    return f"waits for {waits_for}" if waits_for else last_time
