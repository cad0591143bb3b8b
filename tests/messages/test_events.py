from __future__ import annotations

import time

import attrs
import pytest

from labtroupe.errors import Outcome
from labtroupe.lifecycle import State
from labtroupe.messages import (
    AttendanceChanged,
    CleanupFailed,
    CommandFailed,
    CommandQuarantined,
    DeviceReturned,
    Event,
    FaultChanged,
    LateAnswer,
    LeaseChanged,
    LinkInStep,
    LinkSuspect,
    LoopHeldUp,
    SafeState,
    SimulationCrashed,
    StateChanged,
    SuspensionChanged,
    Unsolicited,
    Wedged,
)

TO_BACKOFF = StateChanged(
    instrument="heater",
    before=State.RUNNING,
    after=State.BACKOFF,
    life=2,
    reason="no answer to b'T?'",
    retry_in=3.96,
)

SENTENCES: list[tuple[Event, str]] = [
    (TO_BACKOFF, "backoff, next try in 4.0 s: no answer to b'T?'"),
    (attrs.evolve(TO_BACKOFF, retry_in=None), "backoff: no answer to b'T?'"),
    (attrs.evolve(TO_BACKOFF, reason=""), "backoff, next try in 4.0 s"),
    (attrs.evolve(TO_BACKOFF, after=State.RUNNING, retry_in=None, reason=""), "running"),
    (
        CommandFailed(
            instrument="heater",
            command="Thermostat.heat(40.0)",
            outcome=Outcome.NOT_SENT,
            code="timeout",
            reason="it was still in the mailbox",
        ),
        "Thermostat.heat(40.0) failed, outcome not_sent: it was still in the mailbox",
    ),
    (
        LateAnswer(instrument="stage", command="Stage.home()"),
        "after its caller had gone, Stage.home() was done",
    ),
    (
        LateAnswer(instrument="stage", command="Stage.home()", reason="blocked"),
        "after its caller had gone, Stage.home() failed: blocked",
    ),
    (
        CommandQuarantined(instrument="stage", command="home"),
        "home is in quarantine: it has crashed again and again",
    ),
    (SafeState(instrument="heater", confirmed=True), "safe state confirmed"),
    (
        SafeState(instrument="heater", confirmed=False, reason="not done within 2 s"),
        "safe state not confirmed: not done within 2 s",
    ),
    (SuspensionChanged(instrument="heater", suspended=True), "suspended"),
    (SuspensionChanged(instrument="heater", suspended=False), "resumed"),
    (LeaseChanged(instrument="heater", holder="alice"), "leased by alice"),
    (
        LeaseChanged(instrument="heater", holder="alice", over="taken over by bob"),
        "the lease of alice is over: taken over by bob",
    ),
    (LinkSuspect(instrument="heater", reason="b'T?' was cut off"), "link suspect: b'T?' was cut off"),
    (LinkInStep(instrument="heater", elapsed=0.01234), "link in step again after 0.012 s"),
    (Unsolicited(instrument="heater", frame="DOOR OPEN"), "the device says: DOOR OPEN"),
    (
        DeviceReturned(instrument="psu", changed=True, action="adopt"),
        "returned, changed: it has lost its settings meanwhile; it is left as it is",
    ),
    (
        DeviceReturned(instrument="psu", changed=True, action="restore"),
        "returned, changed: it has lost its settings meanwhile; what was set is now set again",
    ),
    (DeviceReturned(instrument="psu", changed=False, action="adopt"), "returned, unchanged"),
    (DeviceReturned(instrument="psu", changed=False, action="reset"), "returned, unchanged; it is now reset"),
    (
        DeviceReturned(instrument="psu", changed=None, action="ask"),
        "returned; it cannot say whether it has lost its settings meanwhile; a person decides how to go on",
    ),
    (
        CleanupFailed(instrument="heater", reason="not done within 2 s"),
        "clean-up failed: not done within 2 s",
    ),
    (
        Wedged(instrument="heater", stack='  File "heater.py", line 3, in on_stop'),
        'wedged: it was told to stop and does not; it is here:\n  File "heater.py", line 3, in on_stop',
    ),
    (
        LoopHeldUp(elapsed=2.04, stack="in heat"),
        "every instrument was held up for 2.0 s by code that does not await; it was here:\nin heat",
    ),
    (
        FaultChanged(instrument="heater", faults=("silent", "late by 2 s")),
        "simulated fault: silent, late by 2 s",
    ),
    (FaultChanged(instrument="heater", faults=()), "simulated faults cleared"),
    (
        AttendanceChanged(instrument="line", unit=3, reason="no answer within 0.5 s"),
        "unit 3 is absent: no answer within 0.5 s",
    ),
    (AttendanceChanged(instrument="line", unit=3), "unit 3 answers again"),
    (
        SimulationCrashed(instrument="heater", reason="KeyError('T')"),
        "the simulated device crashed: KeyError('T')",
    ),
]


def ours() -> set[type[Event]]:
    """Return the events of this package; those above it may define their own."""
    return {each for each in Event.__subclasses__() if each.__module__.startswith("labtroupe.messages.")}


@pytest.mark.parametrize(("event", "sentence"), SENTENCES)
def test_an_event_says_in_one_sentence_what_happened(event: Event, sentence: str) -> None:
    assert event.text == sentence


def test_each_event_has_its_sentence_above() -> None:
    assert {type(event) for event, _ in SENTENCES} == ours()


def test_each_kind_of_event_has_a_name_of_its_own() -> None:
    """Programs go by it, so it stays the same."""
    assert {each.__name__: each.kind for each in ours()} == {
        "StateChanged": "state",
        "CommandFailed": "command",
        "LateAnswer": "late",
        "CommandQuarantined": "quarantine",
        "SafeState": "safe-state",
        "SuspensionChanged": "suspension",
        "LeaseChanged": "lease",
        "LinkSuspect": "suspect",
        "LinkInStep": "in-step",
        "Unsolicited": "unsolicited",
        "CleanupFailed": "cleanup",
        "Wedged": "wedged",
        "LoopHeldUp": "held-up",
        "AttendanceChanged": "attendance",
        "FaultChanged": "fault",
        "SimulationCrashed": "simulation",
        "DeviceReturned": "returned",
    }


def test_an_event_knows_when_it_happened() -> None:
    """Seconds since 1970: the time of day outlives the process."""
    before = time.time()
    event = LinkSuspect(instrument="heater", reason="cut off")

    assert before <= event.time <= time.time()


def test_an_event_is_a_value() -> None:
    event = LinkSuspect(instrument="heater", reason="cut off", time=0.0)

    assert event == LinkSuspect(instrument="heater", reason="cut off", time=0.0)
    assert event != LinkSuspect(instrument="heater", reason="cut off", time=1.0)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.reason = "late"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - the point
