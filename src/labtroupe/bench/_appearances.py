"""Trying again at once where a device appears that was not there."""

from __future__ import annotations

from collections.abc import Mapping

import trio

from labtroupe.lifecycle import State
from labtroupe.supervision import Supervisor
from labtroupe.transport import Address, wait_appears


async def watch_for_devices(supervisor: Supervisor, addresses: Mapping[str, Address]) -> None:
    """Cut the backoff short of each instrument whose device appears; runs until cancelled.

    Only what is plugged in can be seen to appear, and only who backs off has anybody look for it.
    """
    async with trio.open_nursery() as nursery:
        for name, address in addresses.items():
            if type(address).is_there is not Address.is_there:
                nursery.start_soon(_watch_for_one, supervisor, name, address)


async def _watch_for_one(supervisor: Supervisor, name: str, address: Address) -> None:
    while True:
        await supervisor.wait_state(name, State.BACKOFF)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_hurry_when_it_appears, supervisor, name, address)
            watched = supervisor.member(name).cell.watched_state
            await watched.wait_value(_is_another)  # pyright: ignore[reportUnknownMemberType] - trio_util has no types
            nursery.cancel_scope.cancel("it is tried again")


def _is_another(state: State) -> bool:
    return state is not State.BACKOFF


async def _hurry_when_it_appears(supervisor: Supervisor, name: str, address: Address) -> None:
    while True:
        await wait_appears(address)
        supervisor.keeper.hurry(supervisor.member(name).record)
