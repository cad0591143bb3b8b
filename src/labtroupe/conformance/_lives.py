"""Checks of how a driver starts, stops, and gets over the loss of its device."""

from __future__ import annotations

import math
from typing import Final

import trio

from labtroupe.conformance._check import check
from labtroupe.conformance._cuts import hour
from labtroupe.conformance._finding import GRACE, Asked, NotDeclared, Shortfall
from labtroupe.conformance._port import Port
from labtroupe.conformance._shown import see_untouched, steady
from labtroupe.conformance._trial import CLOSE, Ground, Trial
from labtroupe.instrument import Instrument, Reattach
from labtroupe.lifecycle import State
from labtroupe.messages import DeviceReturned

_START: Final = (
    "Read the error: either the driver's own code is wrong, or driver and simulator do not speak the same "
    "protocol, or the device is slower than is declared with `timeout`, `lateness` and `greeting_timeout`."
)
_ASK_IT: Final = "Give another probe: with one that does not reach the device each time nothing can be tried."

# Seconds within which a pulled cable is noticed, with nothing asked.
_NOTICED: Final = 0.2
# Places in what a start says, and in what it hears, at which it is cut off.
_MOST_STARTS: Final = 6
# Seconds for which a device that is not well stays so.
_WHILE: Final = 10.0


@check(fix=_START)
async def start(ground: Ground) -> str:
    """It starts, and answers."""
    async with ground.trial() as trial:
        await trial.wait_running()
        await _see_asked(trial)
        asked = await _see_asked(trial)
    return f"{asked.message!r} gave {type(asked.value).__name__}"


@check(fix=CLOSE)
async def failed_start(ground: Ground) -> str:
    """A start that fails closes the port, and the next one works."""
    for prepare in (_absent, _taken, _silent, _breaking):
        async with ground.trial(prepare=prepare) as trial:
            await _see_closed_between_starts(trial)
            trial.port.clear()
            await trial.wait_well()
    way = Reattach.RESTORE if ground.subject.instrument_type.declares(Reattach.RESTORE) else Reattach.ADOPT
    async with ground.trial(reattach=way) as trial:
        await _see_cut_starts(trial)
    return "with nothing there, a port that is taken, nobody answering, a connection that breaks, and cut off"


@check(
    fix="Do not catch `LinkLost`: it ends this life of the driver, and the supervisor begins "
    "another when the device is back. What overrides `on_start` must leave the link in step, so that it is "
    "listened to."
)
async def unplug(ground: Ground) -> str:
    """A pulled cable is noticed at once, and a device that is back is used again."""
    async with ground.trial() as trial:
        await trial.wait_well()
        trial.port.inject("unplug")
        await trio.sleep(_NOTICED)
        if trial.cell.state is State.RUNNING:
            raise Shortfall(f"{_NOTICED:g} s after the cable was pulled it was still called running")
        trial.port.clear()
        before = await steady(trial)
        trial.port.inject("unplug", f"{GRACE}s")
        await trio.sleep(GRACE)
        await trial.wait_well()
        see_untouched(trial, before, "when its cable had been out")
        trial.port.inject("mute")
        reply = trial.send()
        await trio.sleep(GRACE / 100)
        ended = reply.ended
        trial.port.inject("unplug")
        await trio.sleep(_WHILE)
        if not ended and reply.ended and reply.error is None:
            raise Shortfall(f"{reply.message!r} gave {reply.value!r}, although the cable was out")
        trial.port.clear()
        await trial.wait_well()
        reply.cancel()
    return "at rest and in the middle of an exchange"


@check(
    fix=f"{CLOSE} Open it with what the link is given, in each life anew: the device may be at another place."
)
async def replug(ground: Ground) -> str:
    """A device that is back at another place is used there, and its old place is let go."""
    async with ground.trial() as trial:
        for prepare in (_well, _silent):
            await trial.wait_well()
            prepare(trial.port)
            reply = trial.send()
            await trio.sleep(GRACE / 100)
            # Before anybody has looked, so that it was never away; and for a while.
            for seconds in ("1ms", f"{GRACE}s"):
                trial.port.inject("replug", seconds)
                await trio.sleep(GRACE)
            trial.port.clear()
            await trial.wait_well()
            reply.cancel()
    return "at rest and in the middle of an exchange"


@check(fix="Leave `on_start` of the base to be called, which looks whether the device is as it was left.")
async def power_cycle(ground: Ground) -> str:
    """A device that was switched off is used again, and its return is told."""
    async with ground.trial() as trial:
        await trial.wait_well()
        trial.port.inject("power-cycle", f"{GRACE}s")
        await trio.sleep(GRACE)
        await trial.wait_well()
        if not any(isinstance(each, DeviceReturned) for each in trial.events):
            raise Shortfall("no event says that the device was away and is back")
        # Behind an adapter, whose port stays there.
        trial.port.device.power_cycle(trio.current_time())
        trial.port.inject("mute", f"{GRACE}s")
        await trio.sleep(GRACE)
        await trial.wait_well()
    if ground.subject.instrument_type.has_forgotten is Instrument.has_forgotten:
        raise NotDeclared(
            "used again, but nobody can say whether it has lost its settings",
            "Declare `has_forgotten` if the device can tell, so that a lost cable is not taken for "
            "lost settings.",
        )
    return "used again, and asked whether it has lost its settings"


@check(fix=CLOSE)
async def stop(ground: Ground) -> str:
    """It stops in time from every state, twice too, and closes its port."""
    async with ground.trial() as trial:
        for prepare in (_well, _silent, _absent, _hanging):
            for asks in (True, False):
                await trial.wait_well()
                prepare(trial.port)
                reply = trial.send() if asks else None
                # Long enough for what the driver does by itself.
                await trio.sleep(_WHILE if asks else 0.0)
                await trial.stop()
                await trial.stop()
                if reply is not None:
                    reply.cancel()
                trial.port.clear()
                trial.start()
    return "at rest, waiting for an answer, without a device, and while sending"


async def _see_cut_starts(trial: Trial) -> None:
    """Let starts hang at places of what they say and hear, with something to be restored if that can be."""
    await trial.wait_well()
    for message in trial.subject.commands:
        if trial.remembered is None and message.command.timeout < math.inf:
            await trial.ask(message)
    await trial.wait_well()
    sent, said = await _measured_start(trial)
    for fault, word, length in (("late", "said", said), ("slow-drain", "heard", sent)):
        for count in range(0, length, max(1, length // _MOST_STARTS)):
            await trial.stop()
            trial.port.inject("power-cycle", "1ms")
            trial.port.inject(fault, *hour(**{word: count}))
            trial.start()
            await trio.sleep(_WHILE)
            await trial.stop()
            trial.port.clear()
            trial.start()
            await trial.wait_well()


async def _measured_start(trial: Trial) -> tuple[int, int]:
    """Start a device that was switched off, and return how many bytes were sent, and said."""
    await trial.stop()
    trial.port.inject("power-cycle", "1ms")
    sent, said = trial.port.sent, trial.port.said
    trial.start()
    await trial.wait_running()
    return trial.port.sent - sent, trial.port.said - said


async def _see_asked(trial: Trial) -> Asked:
    """Ask, and see that the device is asked."""
    asked = await trial.ask()
    if asked.error is not None:
        raise Shortfall(f"{asked.message!r} failed: {asked.error}")
    if not trial.port.requests_of(asked.reply):
        raise Shortfall(f"{asked.message!r} was answered without asking the device", _ASK_IT)
    return asked


async def _see_closed_between_starts(trial: Trial) -> None:
    """Watch it start in vain, if it does, and see that the port is closed whenever it waits to try again."""
    give_up = trio.current_time() + 10 * GRACE
    while trio.current_time() < give_up:
        if trial.cell.state is State.BACKOFF:
            trial.check_closed(f"a start that failed ({trial.cell.reason})")
        await trio.sleep(GRACE / 10)


def _well(_: Port) -> None:
    """Let all be well."""


def _absent(port: Port) -> None:
    port.inject("unplug")


def _taken(port: Port) -> None:
    port.inject("refuse")


def _silent(port: Port) -> None:
    port.inject("mute")


def _breaking(port: Port) -> None:
    port.breaks = True


def _hanging(port: Port) -> None:
    port.inject("slow-drain", "1h")
