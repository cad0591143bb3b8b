"""Admission: which requests an actor lets into its mailbox, and what it tells the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from labtroupe.actor._context import living, making_safe
from labtroupe.errors import (
    CommandError,
    Halted,
    Leased,
    NotRunning,
    Quarantined,
    RestartLimitError,
    UnknownCommandError,
)
from labtroupe.lifecycle import State
from labtroupe.messages import Command, commands_of

if TYPE_CHECKING:
    from labtroupe.actor._cell import Cell
    from labtroupe.actor._reply import Reply

# In these states requests wait for the next life, or are carried out by this one.
_ADMITTING: Final = frozenset({State.STARTING, State.RUNNING, State.BACKOFF})


def not_ours(name: str, actor_type: type[Any], message: object) -> Exception:
    """Return the error that says that it is no message, or none for this class of actor."""
    commands = commands_of(actor_type)
    if getattr(message, "command", None) is None:
        example = next(iter(commands), "command")
        return TypeError(
            f"{message!r} is no message; make one by calling a command on its class,"
            f" such as {actor_type.__name__}.{example}()"
        )
    known = ", ".join(sorted(commands)) or "none"
    error = UnknownCommandError(
        f"{message!r} is not a command of {actor_type.__name__}; its commands: {known}"
    )
    error.instrument = name
    return error


def refusal(cell: Cell, reply: Reply[Any]) -> CommandError | None:
    """Return why a request is not let in now; ``None`` if it is."""
    # What a safe state asks for passes what somebody else may have of the actor.
    gates = (_by_state, _by_suspension) if making_safe.get() else _GATES
    for gate in gates:
        error = gate(cell, reply)
        if error is not None:
            return error
    return None


def not_running(cell: Cell, text: str) -> NotRunning:
    """Return the error that says that the present state does not allow it."""
    reason = f" ({cell.reason})" if cell.reason else ""
    retry = "" if cell.retry_in is None else f", next try in {cell.retry_in:.1f} s"
    remedy = RestartLimitError.remedy if cell.state is State.FAILED else None
    return NotRunning(
        f"{cell.state}{reason}{retry}: {text}", state=cell.state, retry_in=cell.retry_in, remedy=remedy
    )


def starts_too_late(cell: Cell, reply: Reply[Any]) -> NotRunning | None:
    """Return the error that says that its deadline comes before the next start, if it does."""
    if cell.retry_at is None or cell.retry_at < reply.deadline:
        return None
    return not_running(cell, f"{reply.message!r} cannot start before its deadline")


def takes_ticks(cell: Cell, command: Command[..., Any]) -> bool:
    """Return whether an actor would let in what it asks of itself now."""
    shut = cell.latch is not None or cell.suspended or cell.state not in _ADMITTING
    return not shut and command.name not in cell.quarantine.commands


def _by_state(cell: Cell, reply: Reply[Any]) -> CommandError | None:
    if cell.latch is not None and not making_safe.get():
        return Halted(f"halted ({cell.latch.reason}): {reply.message!r} was not carried out")
    if cell.state not in _ADMITTING and not cell.restarting:
        return not_running(cell, f"{reply.message!r} was not carried out")
    return starts_too_late(cell, reply)


def _by_quarantine(cell: Cell, reply: Reply[Any]) -> CommandError | None:
    if reply.message.command.name not in cell.quarantine.commands:
        return None
    return Quarantined(f"{reply.message!r} has crashed it again and again, and was not carried out")


def _by_lease(cell: Cell, reply: Reply[Any]) -> CommandError | None:
    lease, held = reply.lease, cell.leases.held
    if lease is held or reply.message.command.urgent:
        return None
    if lease is not None and lease.over:
        return Leased(
            f"the lease of {lease.holder} is over ({lease.over}): {reply.message!r} was not carried out"
        )
    # What an actor asks of itself, on the ticks of its schedules, is nobody else's.
    life = living.get()
    if held is None or (life is not None and life.cell is cell):
        return None
    return Leased(f"leased by {held.holder}: {reply.message!r} was not carried out")


def _by_suspension(cell: Cell, reply: Reply[Any]) -> CommandError | None:
    if not cell.suspended or reply.message.command.urgent:
        return None
    text = f"suspended: {reply.message!r} was not carried out"
    return NotRunning(text, state=cell.state, remedy="Let it go on: `labtroupe resume NAME`.")


_GATES: Final = (_by_state, _by_quarantine, _by_lease, _by_suspension)
