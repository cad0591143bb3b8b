"""Checks of each command: when all is well, when it is not answered, and when it is cut off."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from labtroupe.conformance._answers import WITHOUT_ANSWER, WITHOUT_FIRST
from labtroupe.conformance._check import check
from labtroupe.conformance._cuts import hour
from labtroupe.conformance._finding import Asked, Shortfall
from labtroupe.conformance._own import Plain, own, see_not_noted
from labtroupe.conformance._trial import RECOVERY, Ground, Trial
from labtroupe.errors import CommandCrashed, CommandError, CommandTimeout, LabtroupeError
from labtroupe.messages import Message

_NOT_TWICE: Final = (
    "Let the error pass: nobody knows whether the device has done it, and whoever has asked may ask again. "
    "If it does no harm twice, declare `idempotent=True`."
)
_LET_GO: Final = (
    "Give back on every way out what a command takes, such as a lock: `async with`, or `try` and `finally`."
)


@check(
    fix="Let a command answer, or raise `CommandRefused` where the device says no; whatever else comes out "
    "of it ends the driver's life. If the device needs longer, declare a longer `timeout`; if the values "
    "that were made up for the trial are wrong, give it better ones. One that is to end the connection, such "
    "as a restart of the device, cannot be tried: give `check_instrument` the `commands` without it."
)
async def commands(ground: Ground) -> str:
    """Each command is done or refused in its own time, and leaves nothing behind."""
    notes: list[str] = []
    async with ground.trial() as trial:
        await trial.wait_well()
        life = trial.cell.life
        for message in ground.subject.commands:
            asked = await trial.ask(message)
            waits = message.command.timeout == math.inf and isinstance(asked.error, CommandTimeout)
            if asked.error is not None and not waits and not _is_answer(asked.error):
                raise Shortfall(f"{message!r} failed: {asked.error}")
            await trial.wait_well()
            if trial.cell.life != life:
                raise Shortfall(f"{message!r} was answered, and ended the driver's life")
            notes.append(
                f"{message.command.name} (not done in {RECOVERY:g} s)" if waits else message.command.name
            )
    left_out = f"; not tried: {', '.join(ground.subject.untried)}" if ground.subject.untried else ""
    return ", ".join(notes) + left_out


@check(
    fix="Give each exchange of each command a shape check, `self.link.query(request, accepts)`, and let the "
    "errors of `self.link` pass: a command is done when the device has said so."
)
async def unanswered(ground: Ground) -> str:
    """No command is done without an answer, none is sent twice, and each can be given again."""
    tried = 0
    for message in ground.subject.commands:
        async with ground.trial() as trial:
            await trial.wait_well()
            said = trial.port.said
            asked = await trial.ask(message)
            if asked.error is None and trial.port.said > said:
                tried += 1
                for spoil in (*WITHOUT_ANSWER, *WITHOUT_FIRST):
                    spoil(trial)
                    await _see_not_done(trial, asked, unless_again=spoil in WITHOUT_FIRST)
                    trial.port.clear()
                    await trial.wait_well()
                    again = (await trial.ask(message)).error
                    if again is not None and not _is_answer(again):
                        raise Shortfall(f"after it was cut off once, {message!r} failed: {again}", _LET_GO)
    return f"{tried} commands, without an answer and with garbage in its place"


@check(
    fix="Call `self.remember` when the device has acknowledged, and before an exchange that sets something "
    "call `self.remember(None)`: nobody knows what is set if it is cut off."
)
async def memory(ground: Ground) -> str:
    """What was cut off is not remembered as done."""
    for message in ground.subject.commands:
        async with ground.trial() as trial:
            await trial.wait_well()
            noted = own(trial.driver)
            cut_off = [await _see_forgotten(trial, message, fault) for fault in ("slow-drain", "late")]
            before = trial.remembered
            asked = await trial.ask(message)
            if asked.error is None:
                for each in cut_off:
                    see_not_noted(message, noted, each, own(trial.driver))
            if trial.remembered != before:
                await _see_forgotten(trial, message, "late", trial.remembered)
    return f"{len(ground.subject.commands)} commands, before their first byte and before the answer"


async def _see_forgotten(
    trial: Trial, message: Message[object], fault: str, done: object = None
) -> Mapping[str, Plain]:
    """Cut off a command, see that nobody remembers it as done, and return what the driver notes of its own.

    Args:
        trial: Where.
        message: What is cut off.
        fault: What keeps it from being done.
        done: What was remembered when it was done before, if it was.
    """
    before = trial.remembered
    trial.port.inject(fault, *hour())
    asked = await trial.ask(message)
    # What it does when it is cut off comes after that.
    await trial.wait_at_rest(asked.reply)
    after, noted = trial.remembered, own(trial.driver)
    # Or it has never begun, behind others in the mailbox.
    begun = asked.error is not None and trial.port.requests_of(asked.reply)
    if begun and after is not None and (after != before or after == done):
        raise Shortfall(f"{message!r} was cut off, and it remembers {after!r}")
    trial.port.clear()
    await trial.wait_well()
    return noted


async def _see_not_done(trial: Trial, well: Asked, *, unless_again: bool) -> None:
    """Ask for what was done when all was well, and see that it is not done now, nor sent again and again."""
    message = well.message
    unspoilt = trial.port.unspoilt
    asked = await trial.ask(message)
    sent = trial.port.requests_of(asked.reply)
    if asked.error is None and sent and not unless_again and trial.port.unspoilt == unspoilt:
        raise Shortfall(f"{message!r} was done, although the device has not answered it")
    if sent and not unless_again:
        asked.check_not_refused()
    asked.check_in_time()
    await trial.wait_at_rest(asked.reply)
    if not message.command.idempotent:
        # What it only asks on its way may be asked again.
        others = (data for owner, data in trial.port.requests if owner is None or owner.message != message)
        harmless, own = set(others), trial.port.requests_of(well.reply)
        for data, count in sent.items():
            if 0 < own[data] < count and data not in harmless:
                raise Shortfall(
                    f"{message!r}, which was not answered, sent {data!r} {count} times", _NOT_TWICE
                )


def _is_answer(error: LabtroupeError) -> bool:
    """Return whether an error is a "no", and not a mishap."""
    return isinstance(error, CommandError) and not isinstance(error, CommandCrashed | CommandTimeout)
