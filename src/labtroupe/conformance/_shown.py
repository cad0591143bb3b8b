"""What a simulated device shows of itself, and whether a driver has changed it without being told to."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Final

import attrs
import trio

from labtroupe.conformance._finding import Shortfall
from labtroupe.conformance._trial import Trial
from labtroupe.simulation import SimulatedDevice

# Seconds in which what changes by itself has done so.
_SETTLING: Final = 10.0
_ONLY_LOOK: Final = (
    "Let `on_open` and `resync` only ask: the device may be at work, and what it does is for commands, "
    "`restore` and `reset_device`."
)


def shown(device: SimulatedDevice) -> Mapping[str, object]:
    """Return a copy of what a simulated device shows of itself."""
    names = [each.name for each in attrs.fields(type(device)) if not each.name.startswith("_")]
    return {name: copy.deepcopy(getattr(device, name)) for name in names}


async def steady(trial: Trial) -> Mapping[str, object]:
    """Ask for all that has an end of its own; return what then stays as it is while it is only looked at."""
    await trial.wait_well()
    for message in trial.subject.commands:
        if message.command.timeout < math.inf:
            await trial.ask(message)
    await trial.wait_well()
    before = shown(trial.port.device)
    await trio.sleep(_SETTLING)
    await trial.wait_well()
    after = shown(trial.port.device)
    return {name: value for name, value in after.items() if value == before[name]}


def see_untouched(trial: Trial, before: Mapping[str, object], why: str) -> None:
    """Raise `Shortfall` if the device is not as it was."""
    now = shown(trial.port.device)
    for name, value in before.items():
        if now[name] != value:
            raise Shortfall(f"{why}, the device's {name} was {value!r}, and is {now[name]!r}", _ONLY_LOOK)
