"""Checks of halting, of what is safe, and of identities."""

from __future__ import annotations

from typing import Final

import trio

from labtroupe.conformance._answers import WITHOUT_ANSWER
from labtroupe.conformance._check import check
from labtroupe.conformance._finding import GRACE, NotDeclared, Shortfall
from labtroupe.conformance._trial import Ground, Trial
from labtroupe.errors import Halted
from labtroupe.instrument import Instrument
from labtroupe.lifecycle import State
from labtroupe.messages import Message, SafeState

# No device is called so.
_NOBODY: Final = "nobody at all"
# Seconds by which the answer is late in the midst of which there is a halt.
_LATE: Final = 0.3
# Seconds within which the next life makes a device safe that this one could not.
_NEXT_LIFE: Final = 30.0
_AMID: Final = (
    "A halt amid an exchange gets the link in step first, within `safe_state_timeout`: declare `resync`, "
    "raise that time, and wait in `safe_state` for nothing that a command holds."
)


@check(fix="Never catch `trio.Cancelled`, and shield nothing without a deadline: a halt cuts off what runs.")
async def halt(ground: Ground) -> str:
    """A halt cuts off what runs, nothing begins until the reset, and then it goes on."""
    async with ground.trial() as trial:
        await trial.wait_well()
        trial.port.inject("mute")
        reply = trial.send()
        await trio.sleep(GRACE / 10)
        began = trio.current_time()
        await trial.halt()
        limit = ground.subject.instrument_type.safe_state_timeout + GRACE
        if trio.current_time() - began > limit:
            raise Shortfall(f"the halt took {trio.current_time() - began:.2g} s")
        if not reply.ended:
            raise Shortfall(f"{reply.message!r} went on after the halt")
        await trial.wait_at_rest(reply)
        refused = (await trial.ask()).error
        if not isinstance(refused, Halted):
            raise Shortfall(f"halted, it was asked and not refused: {refused}")
        trial.port.clear()
        trial.reset()
        await trial.wait_well()
    return "in the middle of an exchange"


@check(
    fix="Let `safe_state` do all of it each time, whatever was done before, and return only when the device "
    "has confirmed it, within `safe_state_timeout`."
)
async def safe_state(ground: Ground) -> str:
    """It has a safe state that the device confirms, twice too."""
    if not ground.subject.instrument_type.declares_safe_state():
        raise NotDeclared(
            "a halt leaves the device as it is, and says so",
            "Declare `safe_state` if there is anything to switch off.",
        )
    async with ground.trial() as trial:
        # Asked nothing before; then again, and when all has been used.
        await trial.wait_running()
        for _ in range(2):
            await _see_safe(trial)
        if not trial.port.said:
            raise NotDeclared("the device never answers, and so nobody can confirm it", "")
        for give_none in WITHOUT_ANSWER:
            give_none(trial)
            unspoilt = trial.port.unspoilt
            if not await trial.halt() and trial.port.unspoilt == unspoilt:
                raise Shortfall("it was called safe, although the device has not answered")
            trial.port.clear()
            trial.reset()
            await trial.wait_well()
            await _see_safe(trial)
        for message in ground.subject.commands:
            if message.command.interruptible:
                await _see_safe_amid(trial, message)
    return "confirmed, and not without an answer; also amid each command"


@check(
    fix=(
        "Leave `on_start` of the base to be called, which asks who the device is before anything else is "
        "said, and let `ask_identity` return what the device says."
    )
)
async def identity(ground: Ground) -> str:
    """Another device than the one that is meant is refused."""
    if ground.subject.instrument_type.ask_identity is Instrument.ask_identity:
        raise NotDeclared(
            "any device at the address is taken for the one that is meant",
            "Declare `ask_identity` if the device can say who it is.",
        )
    async with ground.trial(identity=_NOBODY) as trial:
        await _see_refused(trial)
    async with ground.trial() as trial:
        if not trial.port.device.has_identity:
            return "refused; the simulator cannot say that it is another device when it is back"
        await trial.wait_well()
        trial.port.inject("unplug", f"{GRACE}s")
        trial.port.inject("wrong-identity")
        await _see_refused(trial)
        trial.port.clear()
        await trial.wait_well()
    return "refused at first, and in place of one that was pulled out"


async def _see_safe(trial: Trial) -> None:
    """Halt it, and see that it makes its device safe."""
    sent, why_not = trial.port.sent, await trial.halt()
    if why_not:
        raise Shortfall(f"not confirmed: {why_not}")
    if trial.port.sent == sent:
        raise Shortfall("it was called safe, and nothing was said to the device")
    trial.reset()
    await trial.wait_well()


async def _see_safe_amid(trial: Trial, message: Message[object]) -> None:
    """Halt it while it waits for an answer; see that its device is made safe, by the next life if need be."""
    trial.port.inject("late", f"{_LATE}s", "times=1")
    reply = trial.send(message)
    await trio.sleep(_LATE / 3)
    events = len(trial.events)
    if why_not := await trial.halt():
        await trio.sleep(_NEXT_LIFE)
        if not any(isinstance(each, SafeState) and each.confirmed for each in trial.events[events:]):
            raise Shortfall(f"not confirmed amid {message!r}: {why_not}", _AMID)
    reply.cancel()
    trial.port.clear()
    trial.reset()
    await trial.wait_well()


async def _see_refused(trial: Trial) -> None:
    """Watch it not start."""
    for _ in range(10):
        await trio.sleep(GRACE)
        if trial.cell.state is State.RUNNING:
            raise Shortfall("it runs, although the device is not the one that was meant")
