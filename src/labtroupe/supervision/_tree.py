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


def refuse_orders(member: Member) -> NotRunning:
    """Return the error that says that its supervisor stops."""
    error = member.cell.refuse("the bench stops, and takes no orders any more")
    error.instrument = member.spec.name
    return error
