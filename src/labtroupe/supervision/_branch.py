"""A supervisor as the child of another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import trio

from labtroupe.actor import Actor

if TYPE_CHECKING:
    from labtroupe.supervision._supervisor import Supervisor


@attrs.define(eq=False)
class Branch(Actor):
    """Stands for a supervisor in the tree above it; takes no commands."""

    supervisor: Supervisor

    async def live(self, started: Callable[[], None]) -> None:
        """Run the supervisor for one life, and say so once its children are up, or as far as they get."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._run, nursery.cancel_scope)
            await self.supervisor.wait_first_starts()
            started()

    async def _run(self, scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
        await self.supervisor.run(task_status=task_status)
        # Its significant children have ended, so this life has too.
        scope.cancel("the inner supervisor has ended")
