"""What holds for a whole tree of supervisors: its names, and that it takes no orders while it stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labtroupe.errors import NotRunning

if TYPE_CHECKING:
    from labtroupe.supervision._child import ChildSpec, Member
    from labtroupe.supervision._supervisor import Supervisor


def check_names(root: Supervisor, spec: ChildSpec) -> None:
    """Raise unless a child, and all below it, have names that nobody has in a tree.

    Raises:
        ValueError: Somebody has.
    """
    below = [] if spec.inner is None else [member.spec.name for member in spec.inner.walk()]
    for name in (spec.name, *below):
        if root.has(name) or (name == spec.name and name in below):
            raise ValueError(f"two children of one tree cannot both be called {name!r}")


def check_orders(owner: Supervisor, member: Member) -> None:
    """Raise if the supervisor of a child takes no orders any more.

    Raises:
        NotRunning: It stops all of its children.
    """
    if owner.keeper.roster.closed or owner.keeper.roster.over:
        raise _refusal(member, "the bench stops, and takes no orders any more")


def check_reset(owner: Supervisor, member: Member) -> None:
    """Raise if a child is kept halted, whoever has halted it.

    Raises:
        NotRunning: One of the supervisors above it makes all safe because it gives up.
    """
    above: Supervisor | None = owner
    while above is not None:
        roster = above.keeper.roster
        if roster.gave_up is not None and not roster.closed:
            raise _refusal(member, "all are made safe because one was given up, and nobody is reset")
        above = above.above


def _refusal(member: Member, text: str) -> NotRunning:
    error = member.cell.refuse(text)
    error.instrument = member.spec.name
    return error
