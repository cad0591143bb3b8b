"""Waiting for many replies at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs
import trio

from labtroupe.actor._reply import Reply
from labtroupe.errors import CommandTimeout

R = TypeVar("R")


@attrs.define(eq=False)
class Gathering:
    """Replies that one task waits for together; the last to end wakes it.

    Attributes:
        left: How many of them have not ended, and one more while the task is not parked.
    """

    left: int

    def is_last(self) -> bool:
        """Count one that has ended, and return whether it was the last."""
        self.left -= 1
        return self.left == 0


async def gather(*replies: Reply[R]) -> Sequence[R]:
    """Wait for many replies, however they end, and return their values in the order given.

    Wakes the caller once, and so is faster than to await one after the other.
    To be cancelled withdraws all of them.

    Raises:
        CommandError: One or more were not done.  It is the error of the first of
            them in the order given, and raised when all have ended; each reply
            has its own ``outcome`` and ``error``.
        LinkError: In the same way.
        trio.BusyResourceError: A task is waiting for one of them already, or it was given twice.
    """
    await _wait_ended([reply for reply in replies if not reply.ended])
    if any(isinstance(reply.error, CommandTimeout) for reply in replies):
        await trio.lowlevel.checkpoint_if_cancelled()  # as in `Reply.wait`
    try:
        return [reply.unwrap() for reply in replies]
    finally:
        del replies  # as in `Reply.wait`


async def _wait_ended(replies: Sequence[Reply[object]]) -> None:
    gathering = Gathering(1)

    def withdraw(_: Callable[[], None]) -> trio.lowlevel.Abort:
        for reply in replies:
            reply.let_go(cancelled=True)
        return trio.lowlevel.Abort.SUCCEEDED

    for i, reply in enumerate(replies):
        try:
            gathering.left += reply.claim(gathering)
        except trio.BusyResourceError:
            for claimed in replies[:i]:
                claimed.let_go(cancelled=False)
            raise
    gathering.left -= 1
    if gathering.left:
        await trio.lowlevel.wait_task_rescheduled(withdraw)
    else:
        await trio.lowlevel.checkpoint()
