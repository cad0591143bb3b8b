"""Noticing that a device is plugged in: looked for every second, and at once when the kernel says so."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator, Iterable, Mapping
from typing import Final

import attrs
import trio

from labtroupe.errors import LinkError
from labtroupe.ports import Plugged
from labtroupe.transport._address import Address
from labtroupe.transport._threads import call_in_thread

_POLL = 1.0
"""Seconds between two looks, which are the truth; events may be missing, as they are in a container."""

_SETTLE = 0.05
"""Seconds from an event to the look: a device comes with several, and udev gives it links and rights."""

_UEVENTS: Final = 15
"""``NETLINK_KOBJECT_UEVENT``."""

_GROUPS: Final = 1 | 2
"""Events of the kernel, and those of udev, which come when it is done with a device."""


async def wait_appears(address: Address) -> None:
    """Wait until the device at an address appears: until it is there, after a look at which it was not.

    So it does not return for one that is there all the time, and has another trouble.  Where only an
    opening can tell whether it is there, as over a network, this waits for ever.
    """
    watcher = _watcher()
    waiter = _Waiter(address)
    watcher.waiters.append(waiter)
    watcher.look_soon()
    try:
        await waiter.appeared.wait()
    finally:
        watcher.waiters.remove(waiter)


@attrs.define(eq=False)
class _Waiter:
    """One that waits for a device."""

    address: Address
    appeared: trio.Event = attrs.field(factory=trio.Event, init=False)
    _absent: bool = attrs.field(default=False, init=False)

    def see(self, *, there: bool) -> None:
        """Take note of a look."""
        if there and self._absent:
            self.appeared.set()
        self._absent = not there


@attrs.define(eq=False)
class _Watcher:
    """The one that looks for all who wait in a loop; it runs while there are any."""

    waiters: list[_Waiter] = attrs.field(factory=list[_Waiter], init=False)
    _running: bool = attrs.field(default=False, init=False)
    _hint: trio.Event = attrs.field(factory=trio.Event, init=False)

    def look_soon(self) -> None:
        """Begin to look, or look earlier than planned."""
        self._hint.set()
        if not self._running:
            self._running = True
            # Of the system, because it is nobody's alone.
            trio.lowlevel.spawn_system_task(self._run)

    async def _run(self) -> None:
        try:
            with _uevents() as uevents:
                while self.waiters:
                    await self._wait_hint(uevents)
                    await trio.sleep(_SETTLE)
                    _drop(uevents)
                    await self._look()
        finally:
            self._running = False

    async def _wait_hint(self, uevents: socket.socket | None) -> None:
        """Wait for an event, for somebody new, or a second."""
        with trio.move_on_after(_POLL) as scope:
            async with trio.open_nursery() as nursery:
                if uevents:
                    nursery.start_soon(_cancel_at_event, uevents, scope)
                await self._hint.wait()
                scope.cancel()
        self._hint = trio.Event()

    async def _look(self) -> None:
        """Look for the devices of all who wait, in one go."""
        addresses = {waiter.address for waiter in self.waiters}
        # What changes all the time is looked at again in a second.
        with contextlib.suppress(LinkError):
            there = await call_in_thread(lambda _: _find(addresses), contextlib.ExitStack())
            for waiter in self.waiters:
                # Who has come meanwhile is looked for next time.
                if waiter.address in there:
                    waiter.see(there=there[waiter.address])


_current: Final = trio.lowlevel.RunVar[_Watcher]("labtroupe.hotplug")


def _watcher() -> _Watcher:
    """Return the watcher of this loop."""
    try:
        return _current.get()
    except LookupError:
        _current.set(_Watcher())
        return _current.get()


def _find(addresses: Iterable[Address]) -> Mapping[Address, bool]:
    """Return which devices are there; what nobody can tell is not."""
    plugged = Plugged()
    return {address: address.is_there(plugged) for address in addresses}


@contextlib.contextmanager
def _uevents() -> Generator[socket.socket | None, None, None]:
    """Open a socket that becomes readable when a device comes or goes, where there is such a thing."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        yield None
        return
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _UEVENTS) as uevents:
        uevents.bind((0, _GROUPS))
        yield uevents


async def _cancel_at_event(uevents: socket.socket, scope: trio.CancelScope) -> None:
    await trio.lowlevel.wait_readable(uevents)
    scope.cancel()


def _drop(uevents: socket.socket | None) -> None:
    """Forget the events: that there were some is all they say."""
    # An error says that there are no more, or that some were lost, which is the same to us.
    with contextlib.suppress(OSError):
        while uevents:
            uevents.recv(1)
