"""Checks of what a driver does when it is cut off in the middle."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from labtroupe.conformance._check import check
from labtroupe.conformance._trial import Ground, Shortfall, Trial
from labtroupe.errors import CommandCrashed, CommandError, CommandTimeout, LabtroupeError

# Seconds until a request that hangs is cancelled.
_CUT: Final = 0.25
# Places at which one request or answer is cut: all, unless it is longer.
_MOST_CUTS: Final = 60

_RESYNC: Final = (
    "Send and receive through `self.link` alone, which knows what was cut off, and declare "
    "`resync`. Never catch "
    "`trio.Cancelled`, and shield nothing without a deadline."
)


@check(fix=_RESYNC)
async def cancel_in_request(ground: Ground) -> str:
    """Cancelled after any byte of a request, the driver is in step again for the next."""
    async with ground.trial() as trial:
        length = (await _measure(trial))[0]
        for count in (places := list(_places(length))):
            trial.port.room = count
            await _cut(trial)
    return f"at {len(places)} places in {length} bytes"


@check(fix=_RESYNC)
async def cancel_in_answer(ground: Ground) -> str:
    """Cancelled after any byte of an answer, the driver takes nothing of it for the next."""
    async with ground.trial() as trial:
        length = (await _measure(trial))[1]
        for count in (places := list(_places(length))):
            trial.port.gate = count
            await _cut(trial)
    return f"at {len(places)} places in {length} bytes"


@check(
    fix="Call `self.remember` when the device has acknowledged, and before an exchange that sets "
    "something call "
    "`self.remember(None)`: nobody knows what is set if it is cut off."
)
async def memory(ground: Ground) -> str:
    """What was cut off is not remembered as done."""
    tried = 0
    for message in ground.subject.commands:
        async with ground.trial() as trial:
            await trial.wait_well()
            sent, before = trial.port.sent, trial.links[-1].acquaintance.settings
            trial.port.room = 0
            asked = await trial.ask(message)
            after = trial.links[-1].acquaintance.settings
            if asked.error is not None and after is not None and after != before:
                raise Shortfall(f"no byte of {message!r} was sent, and it remembers {after!r}")
            if trial.port.sent > sent:
                raise Shortfall(f"{message!r} found room where there was none")
            trial.port.room = math.inf
            trial.port.clear()
            tried += 1
    return f"{tried} commands cut off"


@check(
    fix="Let a command answer, or raise `CommandRefused` where the device says no; whatever else "
    "comes out of it "
    "ends the driver's life. If the values that were made up for the trial are wrong, give it better ones."
)
async def commands(ground: Ground) -> str:
    """Each command is done or refused in its own time, and leaves nothing behind."""
    async with ground.trial() as trial:
        await trial.wait_well()
        life = trial.cell.life
        for message in ground.subject.commands:
            asked = await trial.ask(message)
            if asked.error is not None and not _is_answer(asked.error):
                raise Shortfall(f"{message!r} failed: {asked.error}")
            await trial.wait_well()
            if trial.cell.life != life:
                raise Shortfall(f"{message!r} was answered, and ended the driver's life")
    return ", ".join(message.command.name for message in ground.subject.commands)


def _is_answer(error: LabtroupeError) -> bool:
    """Return whether an error is a "no", and not a mishap."""
    return isinstance(error, CommandError) and not isinstance(error, CommandCrashed | CommandTimeout)


async def _measure(trial: Trial) -> tuple[int, int]:
    """Return how many bytes the probe sends, and how many the device says to that."""
    await trial.wait_well()
    sent, said = trial.port.sent, trial.port.said
    await trial.wait_well()
    return trial.port.sent - sent, trial.port.said - said


def _places(length: int) -> Iterator[int]:
    """Yield after how many bytes to cut."""
    step = max(1.0, length / _MOST_CUTS)
    return (int(index * step) for index in range(math.ceil(length / step)))


async def _cut(trial: Trial) -> None:
    """Ask, until cut off; then see that all is well again."""
    asked = await trial.ask(timeout=_CUT)
    await trial.wait_at_rest(asked.reply)
    trial.port.clear()
    await trial.wait_well()
