"""Who waits for whom: the graph that finds a request whose answer would have to wait for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio

from labtroupe.actor._context import living
from labtroupe.errors import Deadlock

if TYPE_CHECKING:
    from labtroupe.actor._intake import Intake
    from labtroupe.actor._reply import Reply


def note_wait(reply: Reply[object]) -> None:
    """Note that the handler that runs here waits for ``reply``, and end that if it closes a circle.

    Edges go from the running request of an actor to what its handler waits for.
    They need not be taken away: one to a request that has ended counts no more,
    and to stop waiting for a request ends it.
    """
    asker = _waiting_request()
    if asker is None:
        return
    circle = _way_back(reply, asker.cell)
    if circle:
        text = f"{reply.message!r} would wait for itself: {' waits for '.join(circle)}"
        reply.end_early(Deadlock(text), "deadlock")
    else:
        asker.awaits = (*(each for each in asker.awaits if not each.ended), reply)


def _waiting_request() -> Reply[object] | None:
    """Return the running request whose handler cannot go on while the present task waits."""
    life = living.get()
    if life is None or not life.contains(trio.lowlevel.current_task()):
        return None
    return life.cell.current


def _way_back(reply: Reply[object], home: Intake) -> Sequence[str]:
    """Return the names from ``home`` over the actor of ``reply`` back home, if there is such a way."""
    ways: list[tuple[Intake, Sequence[str]]] = [(reply.cell, [home.name])]
    seen: set[Intake] = set()
    while ways:
        cell, way = ways.pop()
        way = [*way, cell.name]
        if cell is home:
            return way
        if cell.current is not None and cell not in seen:
            seen.add(cell)
            ways += [(each.cell, way) for each in cell.current.awaits if not each.ended]
    return ()
