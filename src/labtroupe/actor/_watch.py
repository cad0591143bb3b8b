"""The changes in an actor's lives, once and in order for each watcher, of whom nobody holds up anybody."""

from __future__ import annotations

import enum
from typing import Self

import attrs
import trio


class ChangeKind(enum.StrEnum):
    """What has become of an actor, as those see it who depend on it."""

    UP = "up"
    """A life is ready for requests."""
    DOWN = "down"
    """A life has ended, in whatever way."""
    PARKED = "parked"
    """Restarting has not helped; it stays down until somebody starts it."""
    WEDGED = "wedged"
    """A life was told to end, and does not."""


@attrs.frozen
class Change:
    """One change in an actor's lives.

    Attributes:
        kind: What has happened.
        life: Number of the life it is about.
        reason: Why, in words; may be empty.
    """

    kind: ChangeKind
    life: int
    reason: str = ""


@attrs.define(eq=False)
class Place:
    """A place in the chain of changes: once there is a change, it holds that and the next place.

    The chain is held by its ends: the actor has the last place, which is still
    empty, and each watcher the one it looks at next.  So a watcher that is slow
    keeps what it has not seen, and one that is gone keeps nothing.
    """

    _held: tuple[Change, Place] | None = attrs.field(default=None, init=False)
    _filled: trio.Event = attrs.field(factory=trio.Event, init=False)

    def fill(self, change: Change) -> Place:
        """Put a change into this place, and return the next one."""
        following = Place()
        self._held = (change, following)
        self._filled.set()
        return following

    async def wait_filled(self) -> tuple[Change, Place]:
        """Wait until there is a change in this place, and return it with the next place."""
        await self._filled.wait()
        assert self._held is not None  # noqa: S101 - filled
        return self._held


@attrs.define(eq=False)
class Watch:
    """The changes in an actor's lives from now on: ``async for change in ref.watch()``."""

    _place: Place

    def __aiter__(self) -> Self:
        """Iterate over the changes, for ever."""
        return self

    async def __anext__(self) -> Change:
        """Wait for the next change."""
        change, self._place = await self._place.wait_filled()
        return change


@attrs.define(eq=False)
class Changes:
    """The changes in one actor's lives; kept only for those who watch."""

    _last: Place | None = attrs.field(default=None, init=False)

    def tell(self, change: Change) -> None:
        """Tell all who watch now."""
        if self._last is not None:
            self._last = self._last.fill(change)

    def watch(self) -> Watch:
        """Return the changes from now on, for one watcher."""
        if self._last is None:
            self._last = Place()
        return Watch(self._last)
