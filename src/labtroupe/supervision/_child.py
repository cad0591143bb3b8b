"""One supervised actor: its spec, and the task that lives its lives."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Final

import attrs
import trio

from labtroupe.actor import DEFAULT_CAPACITY, Actor, Cell, live
from labtroupe.errors import LabtroupeError, StartTimeout, bare
from labtroupe.messages import CleanupFailed
from labtroupe.policy import Child, Policy

_log: Final = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class ChildSpec:
    """What a supervisor has to know to keep an actor alive.

    Attributes:
        name: Its name, unique in the tree.
        factory: Makes the actor of one life; does no I/O.
        actor_type: The class of what the factory makes; it knows the commands.
        policy: How failures are treated.
        start_timeout: Seconds a start may take.
        mailbox: Requests its mailbox holds before callers wait for room.
    """

    name: str
    factory: Callable[[], Actor]
    actor_type: type[Actor]
    policy: Policy = Policy()
    start_timeout: float = 10.0
    mailbox: int = DEFAULT_CAPACITY


@attrs.define(eq=False)
class Member:
    """A child as the supervisor holds it: its spec, record, cell, and its present life.

    Attributes:
        scope: Cancels the present life.
        failure: What the last life failed with.
    """

    spec: ChildSpec
    record: Child
    cell: Cell
    actor: Actor | None = None
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    failure: Exception | None = None


async def live_one_life(member: Member, *, started: Callable[[], None], ending: Callable[[], None]) -> None:
    """Live one life of a member from its start to the end of its clean-up.

    The one boundary for its exceptions: what it failed with is left in
    ``member.failure``, and nothing but a `BaseException` leaves this function.
    """
    spec, member.failure = member.spec, None
    # One scope for the whole life: while it starts, its deadline is that of the
    # start; after that it has none, and only the supervisor cancels it.
    scope = member.scope

    def ready() -> None:
        # Too late, or stopped, in this very tick: then it never was ready.
        if not scope.cancel_called:
            scope.deadline = math.inf
            started()

    try:
        with scope:
            scope.deadline = min(scope.deadline, trio.current_time() + spec.start_timeout)
            # A task that is cancelled before its first step still takes that
            # step: without this checkpoint it would go and open the port.
            await trio.lowlevel.checkpoint()
            member.actor = spec.factory()
            try:
                await live(member.cell, member.actor, started=ready)
            finally:
                ending()
                await _clean_up(member, member.actor)
        if scope.cancelled_caught and trio.current_time() >= scope.deadline:
            member.failure = StartTimeout(f"not ready within {spec.start_timeout:g} s")
    except Exception as error:  # noqa: BLE001 - the boundary: the supervisor decides by its class
        member.failure = bare(error)
        if not isinstance(member.failure, LabtroupeError):
            # A fault in somebody's code: what they need is the place.
            _log.error("%s crashed", spec.name, exc_info=error)
    finally:
        member.actor = None


async def _clean_up(member: Member, actor: Actor) -> None:
    # Shielded, because we are mostly called while being cancelled, and a
    # cancelled close would leave the port locked for our successor.
    # Bounded, because a shield without a deadline turns one dead cable into a
    # supervisor that cannot be stopped.
    grace = member.spec.policy.shutdown
    with trio.CancelScope(relative_deadline=grace, shield=True) as scope:
        try:
            await actor.on_stop()
        except Exception as error:  # noqa: BLE001 - recorded; the error that ended the life is the one to go on
            member.cell.publish(CleanupFailed(instrument=member.spec.name, reason=repr(error)))
    if scope.cancelled_caught:
        member.cell.publish(CleanupFailed(instrument=member.spec.name, reason=f"not done within {grace:g} s"))
