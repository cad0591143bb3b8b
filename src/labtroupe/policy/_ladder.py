"""The ladder of restarts: soft, with what is open left open; then hard, with all opened anew; then none."""

from __future__ import annotations

from labtroupe.policy._child import Child, Restart, Wanted
from labtroupe.policy._roster import Roster


def restarts_softly(roster: Roster, child: Child, now: float) -> bool:
    """Return whether a life that has just failed may leave what it holds open to the next one.

    Only the first failure since it was healthy is answered so: where that did
    not help, what is open may be what is wrong.
    """
    if roster.closed or roster.over or child.asked or child.cycle or child.wanted is not Wanted.RUNNING:
        return False
    if child.up_since is None or child.policy.restart is Restart.TEMPORARY:
        return False
    healthy_after = roster.children.mates.limit(child).healthy_after
    return child.history.streak == 0 or now - child.up_since >= healthy_after


def leaves_nothing(roster: Roster, child: Child) -> bool:
    """Return whether what a former life of a child has left open is to be closed: no other life will come."""
    return roster.closed or roster.over or child.wanted is not Wanted.RUNNING


def never_began(roster: Roster) -> bool:
    """Return whether a required child has not come up, so that nothing was done that is to be made safe."""
    child = roster.gave_up
    return child is not None and child.name in roster.children.required and not child.ever_up
