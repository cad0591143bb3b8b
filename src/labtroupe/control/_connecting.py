"""Connecting, as an operator or a script asks for it: who is to be connected, and who is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs
import trio

from labtroupe.actor import ActorRef
from labtroupe.connections import Connection, ConnectionReport
from labtroupe.control._snapshot import InstrumentInfo
from labtroupe.lifecycle import State
from labtroupe.policy import Wanted
from labtroupe.supervision import Member, Supervisor, connect, ensure_connected, names_with_dependencies


@attrs.frozen
class Connecting:
    """Connects the instruments of a bench, and says which are connected.

    Attributes:
        bench: The bench's name.
    """

    bench: str
    _supervisor: Supervisor
    _infos: Mapping[str, InstrumentInfo]
    _known: Callable[[str], str]

    def report(self, names: Sequence[str] | None = None) -> ConnectionReport:
        """Look at instruments and whatever they depend on; never waits.

        Args:
            names: Which; where not given, all but those that wait for their first use.

        Raises:
            UnknownInstrumentError: There is none of one of these names.
        """
        return self._report(self._all_but({Wanted.IF_USED}) if names is None else names, {})

    async def wait_first_starts(self) -> ConnectionReport:
        """Wait until each has been tried once, and say who is connected."""
        await self._supervisor.wait_first_starts()
        return self.report()

    async def connect(
        self,
        names: Sequence[str] | None = None,
        *,
        force: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - the edge, where seconds become a deadline
    ) -> ConnectionReport:
        """Want instruments running, and wait until each does, or has been tried in vain.

        One that runs is left as it is.  One that was stopped or has failed is started; one
        that backs off is tried at once, with what it depends on.

        Args:
            names: Which; where not given, all that are to be running anyway.
            force: Give those that run a new life, with a new connection.
            timeout: Seconds to wait; those that are not connected by then go on being tried.

        Raises:
            UnknownInstrumentError: There is none of one of these names; nothing was done.
        """
        wanted = self._all_wanted() if names is None else [self._known(name) for name in names]
        with trio.move_on_after(math.inf if timeout is None else timeout):
            await connect(self._supervisor, wanted, force=force)
        return self._report(wanted, {})

    async def ensure_connected(
        self,
        names: Sequence[str] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the edge, where seconds become a deadline
    ) -> ConnectionReport:
        """Have devices prove that they are there now; one that does not is connected anew, once.

        Args:
            names: Which; where not given, all that are to be running anyway.
            timeout: Seconds to wait; who has not proved it by then is not connected.

        Raises:
            UnknownInstrumentError: There is none of one of these names.
        """
        wanted = self._all_wanted() if names is None else [self._known(name) for name in names]
        return await self.ensure([ActorRef(self._supervisor.member(name).cell) for name in wanted], timeout)

    async def ensure(
        self,
        refs: Sequence[ActorRef[Any]],
        timeout: float | None,  # noqa: ASYNC109 - the edge
    ) -> ConnectionReport:
        """Do the same with refs, and under their leases."""
        unproved: dict[str, str] = {}
        with trio.move_on_after(math.inf if timeout is None else timeout):
            await ensure_connected(self._supervisor, refs, unproved)
        return self._report([ref.name for ref in refs], unproved)

    def _all_wanted(self) -> Sequence[str]:
        return self._all_but({Wanted.IF_USED, Wanted.STOPPED, Wanted.FINISHED})

    def _all_but(self, left_out: Collection[Wanted]) -> Sequence[str]:
        return [name for name in self._infos if self._supervisor.member(name).record.wanted not in left_out]

    def _report(self, names: Iterable[str], unproved: Mapping[str, str]) -> ConnectionReport:
        chosen = names_with_dependencies(self._supervisor, map(self._known, names))
        connections = (self._connection(self._supervisor.member(name), unproved) for name in chosen)
        return ConnectionReport(self.bench, tuple(connections))

    def _connection(self, member: Member, unproved: Mapping[str, str]) -> Connection:
        cell = member.cell
        since = None if cell.down_since is None else time.time() - trio.current_time() + cell.down_since
        running = cell.state is State.RUNNING
        return Connection(
            name=cell.name,
            connected=running and cell.name not in unproved,
            state=cell.state,
            simulated=self._infos[cell.name].simulated,
            since=since,
            reason=unproved.get(cell.name, "") if running else cell.reason,
            attempts=member.record.history.streak,
            depends_on=member.record.policy.depends_on,
        )
