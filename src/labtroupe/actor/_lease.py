"""Leases: an actor for oneself, for as long as an ``async with`` block."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from labtroupe.actor._mailbox import Mailbox
from labtroupe.errors import Leased
from labtroupe.messages import Event, LeaseChanged


@attrs.define(eq=False)
class Lease:
    """One holder's lease of an actor.

    Attributes:
        holder: Who has it, or stands in line for it, for people.
        over: Why it has ended, in words; empty until then.
    """

    holder: str
    over: str = attrs.field(default="", init=False)
    granted: trio.Event = attrs.field(factory=trio.Event, init=False)


@attrs.define(eq=False)
class Leases:
    """Who has an actor for himself, and who stands in line for that.

    Attributes:
        held: The lease that lasts now, if any.
    """

    _name: str
    _mailbox: Mailbox
    _publish: Callable[[Event], None]
    held: Lease | None = attrs.field(default=None, init=False)
    _line: list[Lease] = attrs.field(factory=list[Lease], init=False)

    async def wait_held(self, lease: Lease, *, takeover: bool) -> None:
        """Wait in line until the actor is free, and have it from then on.

        Args:
            lease: What is to begin.
            takeover: Do not wait: who has it now, has it no longer.
        """
        await trio.lowlevel.checkpoint()
        if takeover and self.held is not None:
            self._line.insert(0, lease)
            self.end(self.held, f"taken over by {lease.holder}", refuse_queued=True)
        else:
            self._line.append(lease)
            self._grant()
        try:
            await lease.granted.wait()
        except trio.Cancelled:
            self.end(lease, "its holder was cancelled")
            raise

    def end(self, lease: Lease | None, reason: str, *, refuse_queued: bool = False) -> None:
        """End a lease, or leave the line; the next one in it has the actor then.

        Args:
            lease: Which one; may have ended already, and ``None`` for none.
            reason: Why, in words.
            refuse_queued: What was asked under it and has not begun, is refused.
        """
        if lease is None:
            return
        if lease in self._line:
            self._line.remove(lease)
        if lease is not self.held:
            return
        lease.over, self.held = reason, None
        self._publish(LeaseChanged(instrument=self._name, holder=lease.holder, over=reason))
        if refuse_queued:
            for reply in list(self._mailbox):
                if reply.lease is lease:
                    reply.fail(Leased(f"the lease of {lease.holder} is over ({reason}): {reply.message!r}"))
        self._grant()

    def _grant(self) -> None:
        if self.held is None and self._line:
            self.held = self._line.pop(0)
            self.held.granted.set()
            self._publish(LeaseChanged(instrument=self._name, holder=self.held.holder))
