"""Checks of what is done when a device is back: nothing, a reset, or all that was set."""

from __future__ import annotations

from typing import Final

import trio

from labtroupe.conformance._check import check
from labtroupe.conformance._finding import GRACE, NotDeclared, Shortfall
from labtroupe.conformance._shown import shown
from labtroupe.conformance._trial import Ground, Trial
from labtroupe.instrument import Reattach
from labtroupe.messages import DeviceReturned, Message

# Seconds for which a cable is out that is out for longer than a moment.
_LONG: Final = 10.0

_REMEMBER: Final = "Call `self.remember` with what a command has set, so that `restore` can `recall` it."
_SEND: Final = "Let `reset_device` say to the device what brings it where it begins."


@check(
    fix="Let `has_forgotten` find out that a device was switched off, and `restore` set again all that is "
    "remembered, in time with one that has just been switched on."
)
async def reattach(ground: Ground) -> str:
    """A device that has lost its settings can be given them again, or be reset."""
    instrument_type, notes = ground.subject.instrument_type, list[str]()
    if instrument_type.declares(Reattach.RESTORE):
        restored = [each for each in ground.subject.commands if await _restores(ground, each)]
        if not restored and not ground.subject.untried:
            raise Shortfall("no command has anything remembered that could be restored", _REMEMBER)
        notes.append(f"restore, after {', '.join(each.command.name for each in restored) or 'nothing'}")
    if instrument_type.declares(Reattach.RESET):
        if await _greeting(ground, Reattach.RESET) <= await _greeting(ground, Reattach.ADOPT):
            raise Shortfall("nothing was said to reset the device", _SEND)
        notes.append("reset")
    if not notes:
        raise NotDeclared(
            "a device that is back is taken as it is",
            "Declare `restore` or `reset_device` if it is to be otherwise.",
        )
    return " and ".join(notes)


async def _restores(ground: Ground, message: Message[object]) -> bool:
    """See that what a command has set is set again after a power cycle; return whether it is remembered."""
    async with ground.trial(reattach=Reattach.RESTORE) as trial:
        await trial.wait_well()
        await trial.ask(message)
        if trial.remembered is None:
            return False
        await trial.wait_well()
        was = shown(trial.port.device)
        trial.port.inject("power-cycle", f"{GRACE}s")
        begins = shown(trial.port.device)
        await trio.sleep(GRACE)
        await trial.wait_well()
        now = shown(trial.port.device)
        lost = [name for name in was if was[name] != begins[name]]
        if lost and all(now[name] == begins[name] for name in lost):
            raise Shortfall(f"what {message!r} has set was lost with the power, and was not set again")
        _see_told(trial)
    return True


async def _greeting(ground: Ground, way: Reattach) -> set[bytes]:
    """Return what is said by itself to a device that is back."""
    async with ground.trial(reattach=way) as trial:
        await trial.wait_well()
        for message in ground.subject.commands:
            await trial.ask(message)
        await trial.wait_well()
        before = len(trial.port.requests)
        trial.port.inject("power-cycle", f"{_LONG}s")
        await trio.sleep(_LONG)
        await trial.wait_well()
        _see_told(trial)
        return {data for owner, data in trial.port.requests[before:] if owner is None}


def _see_told(trial: Trial) -> None:
    if not any(isinstance(each, DeviceReturned) for each in trial.events):
        raise Shortfall("no event says that the device was away and is back")
