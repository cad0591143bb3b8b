"""One supervised actor: its spec, and the task that lives its lives."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs
import trio

from labtroupe.actor import DEFAULT_CAPACITY, Actor, Cell, live
from labtroupe.errors import LabtroupeError, LinkError, StartTimeout, bare, sentence
from labtroupe.messages import CleanupFailed, SafeState
from labtroupe.policy import Child, Policy
from labtroupe.supervision._branch import Branch

if TYPE_CHECKING:
    from labtroupe.supervision._supervisor import Supervisor

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
        inner: The supervisor that this child is, if it is one.
    """

    name: str
    factory: Callable[[], Actor]
    actor_type: type[Actor]
    policy: Policy = Policy()
    start_timeout: float = 10.0
    mailbox: int = DEFAULT_CAPACITY
    inner: Supervisor | None = None

    @property
    def whole_policy(self) -> Policy:
        """The policy, with the time for a safe state added to that for the clean-up."""
        if not self.actor_type.safe_on_stop:
            return self.policy
        return attrs.evolve(self.policy, shutdown=self.policy.shutdown + self.actor_type.safe_state_timeout)


# Its children have their own time to stop in order, and it needs none beyond theirs.
_BRANCH_POLICY: Final = Policy(shutdown=math.inf)


def branch(
    name: str, supervisor: Supervisor, policy: Policy = _BRANCH_POLICY, *, start_timeout: float = math.inf
) -> ChildSpec:
    """Return the spec that puts a supervisor below another one.

    When the inner one gives up, that is a failure of this child, and the outer
    one decides.  What the inner one knows, its refs, limits and what operators
    want, outlives the restart.

    Args:
        name: The child's name in the outer supervisor.
        supervisor: The inner one; not to be run by anybody else.
        policy: How its failures are treated.
        start_timeout: Seconds until all its children must have been tried once.
    """
    return ChildSpec(
        name=name,
        factory=lambda: Branch(supervisor),
        actor_type=Branch,
        policy=policy,
        start_timeout=start_timeout,
        inner=supervisor,
    )


@attrs.define(eq=False)
class Member:
    """A child as the supervisor holds it: its spec, record, cell, and its present life.

    Attributes:
        scope: Cancels the present life.
        task: Lives the present life.
        failure: What the last life failed with.
        shown: What its cell was told last.
        wedged: It has been said that it is.
        parked: The same of this.
        estate: The object of the last life, if that has left open what it held.
        settling: Set when an estate that nobody inherits has been closed.
        callers: How many wait for it to be connected.
        passing: It was added while the supervisor ran, and is forgotten when its only life has ended.
    """

    spec: ChildSpec
    record: Child
    cell: Cell
    actor: Actor | None = None
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    task: trio.lowlevel.Task | None = None
    failure: Exception | None = None
    estate: Actor | None = None
    settling: trio.Event | None = None
    callers: int = 0
    passing: bool = False
    shown: object = None
    wedged: bool = False
    parked: bool = False


@trio.lowlevel.disable_ki_protection
async def live_one_life(
    member: Member, *, started: Callable[[], None], ending: Callable[[], None], soft: Callable[[], bool]
) -> None:
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
            # A task that is cancelled before its first step still takes that
            # step: without this checkpoint it would go and open the port.
            await trio.lowlevel.checkpoint()
            # From here on: whoever holds up the loop before is not to use up its time.
            scope.deadline = min(scope.deadline, trio.current_time() + spec.start_timeout)
            await _live_and_let_go(member, ready, ending, soft)
        if scope.cancelled_caught and trio.current_time() >= scope.deadline:
            member.failure = StartTimeout(f"not ready within {spec.start_timeout:g} s")
    except Exception as error:  # noqa: BLE001 - the boundary: the supervisor decides by its class
        member.failure = bare(error)
        if not isinstance(member.failure, LabtroupeError):
            # A fault in somebody's code: what they need is the place.
            _log.error("%s crashed", spec.name, exc_info=error)
    finally:
        member.actor = None


async def settle_estate(member: Member, actor: Actor) -> None:
    """Close what a former life has left open, as nobody inherits it."""
    settling = member.settling = trio.Event()
    try:
        await _clean_up(member, actor)
    finally:
        member.settling = None
        settling.set()


async def _live_and_let_go(
    member: Member, ready: Callable[[], None], ending: Callable[[], None], soft: Callable[[], bool]
) -> None:
    """Live a life, and close what it holds open unless it has failed and the next one may inherit that."""
    actor = await _make_actor(member)
    leaves_open = False
    try:
        await _live(member.cell, actor, ready)
    except Exception as error:
        member.cell.go_down(error=bare(error))
        leaves_open = soft() and _can_be_inherited(actor, error)
        raise
    finally:
        ending()
        if leaves_open:
            member.estate = actor
        else:
            await _clean_up(member, actor)


async def _make_actor(member: Member) -> Actor:
    """Make the object of a life, with what the last one has left open."""
    if member.settling is not None:
        await member.settling.wait()
    member.actor = actor = member.spec.factory()
    if member.estate is not None:
        actor.inherit(member.estate)
        member.estate = None
    return actor


def _can_be_inherited(actor: Actor, error: Exception) -> bool:
    # A fault in the code of a command says nothing about what is open, a broken link does.
    return not isinstance(bare(error), LinkError) and actor.heritable


async def _live(cell: Cell, actor: Actor, started: Callable[[], None]) -> None:
    if isinstance(actor, Branch):
        await actor.live(started)
    else:
        await live(cell, actor, started=started)


async def _make_safe(cell: Cell, actor: Actor) -> None:
    """Bring the device into its safe state before it is let go, and say how that went."""
    reason = ""
    limit = actor.safe_state_timeout
    with trio.CancelScope(relative_deadline=limit, shield=True) as scope:
        try:
            if actor.suspicion is not None:
                await actor.recover()
            await actor.safe_state()
        except Exception as error:  # noqa: BLE001 - whatever it is, the device is let go now
            reason = sentence(bare(error), type(actor))
    reason = f"not done within {limit:g} s" if scope.cancelled_caught else reason
    cell.publish(SafeState(instrument=cell.name, confirmed=not reason, reason=reason))


async def _clean_up(member: Member, actor: Actor) -> None:
    # Shielded, because we are mostly called while being cancelled, and a
    # cancelled close would leave the port locked for our successor.
    # Bounded, because a shield without a deadline turns one dead cable into a
    # supervisor that cannot be stopped.
    if actor.safe_on_stop and member.record.asked and member.record.up_since is not None:
        await _make_safe(member.cell, actor)
    grace = member.spec.policy.shutdown
    with trio.CancelScope(relative_deadline=grace, shield=True) as scope:
        try:
            await actor.on_stop()
        except Exception as error:  # noqa: BLE001 - recorded; the error that ended the life is the one to go on
            member.cell.publish(CleanupFailed(instrument=member.spec.name, reason=repr(error)))
    if scope.cancelled_caught:
        member.cell.publish(CleanupFailed(instrument=member.spec.name, reason=f"not done within {grace:g} s"))
