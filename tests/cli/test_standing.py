"""How an instrument stands, in words."""

from __future__ import annotations

import msgspec
import pytest

from labtroupe.cli._event_line import EventLines
from labtroupe.cli._standing import lines, notes
from labtroupe.lifecycle import State
from labtroupe.records import InstrumentStatus, LatchStatus, ReadingStatus, RequestStatus, RestartStatus

WELL = InstrumentStatus(
    name="psu",
    kind="dc-power-supply",
    address="sim:dc-power-supply",
    simulated=True,
    state=State.RUNNING,
    since=125.0,
    down=None,
    note="",
    retry_in=None,
    life=2,
    last_ok=0.5,
    stale=None,
    changed=None,
    wire="in step",
    mailbox=0,
    capacity=16,
    current=None,
    elapsed=None,
    depends_on=(),
    faults=(),
    latch=None,
    suspended=False,
    quarantined=(),
    leased_by="",
    unused=False,
    restarts=RestartStatus(streak=1, lately=1, allowed=3, seconds=30.0),
    queue=(),
    readings=(),
    stack="",
)
LATCH = LatchStatus(reason="smoke", time=0.0, confirmed=False, note="it is not running")
BACKOFF = {"state": State.BACKOFF, "note": "no such device", "retry_in": 1.94}
HALTED = {"state": State.HALTED, "note": "smoke (it is backoff)", "retry_in": 1.0, "latch": LATCH}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        (BACKOFF, ["next try in 1.9 s: no such device"]),
        (
            BACKOFF | {"down": 720.0, "restarts": RestartStatus(streak=4, lately=0, allowed=3, seconds=30.0)},
            ["next try in 1.9 s: no such device", "failed 4 times in a row, not connected for 12 min"],
        ),
        (HALTED, ["smoke (it is backoff)", "safe state not confirmed: it is not running"]),
        (
            HALTED | {"latch": msgspec.structs.replace(LATCH, note="")},
            ["smoke (it is backoff)", "safe state not confirmed"],
        ),
        (
            HALTED | {"latch": msgspec.structs.replace(LATCH, confirmed=True, note="")},
            ["smoke (it is backoff)", "safe state confirmed"],
        ),
        (
            {"suspended": True, "quarantined": ("home", "move"), "leased_by": "ada"},
            ["suspended", "in quarantine: home, move", "leased by ada"],
        ),
        ({"current": "Psu.wait()", "elapsed": 61.0}, ["busy for 1 min: Psu.wait()"]),
        ({"stale": 61.0}, ["stale: not heard for 1 min"]),
        ({"changed": 61.0}, ["returned, changed, 1 min ago"]),
        (
            HALTED | {"changed": 61.0},
            ["smoke (it is backoff)", "safe state not confirmed: it is not running"],
        ),
        ({"faults": ("mute",)}, ["fault: mute"]),
    ],
)
def test_the_notes_are_what_is_out_of_the_ordinary(changes: dict[str, object], expected: list[str]) -> None:
    assert list(notes(msgspec.structs.replace(WELL, **changes))) == expected


def test_the_lines_are_all_that_is_known() -> None:
    """S14."""
    status = msgspec.structs.replace(
        WELL,
        queue=(
            RequestStatus(command="Psu.off()", age=0.25, urgent=True),
            RequestStatus(command="Psu.on()", age=90.0, urgent=False),
        ),
        readings=(
            ReadingStatus(name="volts", value=5.0, unit="V", age=0.3, quality="good"),
            ReadingStatus(name="identity", value="ACME", unit="", age=7200.0, quality="lost"),
            ReadingStatus(name="output", value={"on": True, "amps": 1.5}, unit="", age=20, quality="stale"),
            ReadingStatus(name="trip", value=None, unit="", age=None, quality="none"),
        ),
        stack='psu, life 2:\n  File "psu.py", line 3, in on_stop\n',
    )

    assert list(lines(status)) == [
        "running for 2 min, life 2",
        "1 of 3 restarts in 30 s, 1 failure in a row",
        "waits for 0.2 s: Psu.off() (urgent)",
        "waits for 2 min: Psu.on()",
        "volts     5.0 V, good, 0.3 s ago",
        "identity  ACME, lost, 2 h ago",
        "output    on=true amps=1.5, stale, 20 s ago",
        "trip      never taken",
        "was told to stop and does not; it is here:",
        "psu, life 2:",
        '  File "psu.py", line 3, in on_stop',
    ]


def test_a_halted_one_says_since_when_over_the_end_of_processes() -> None:
    """S10."""
    found = list(lines(msgspec.structs.replace(WELL, **HALTED)))

    assert found[0] == "halted for 2 min, life 2: smoke (it is backoff)"
    assert found[1].startswith("halted since 19")
    assert found[1].endswith(": smoke; safe state not confirmed: it is not running")


def test_an_event_of_several_lines_looks_like_no_other_event() -> None:
    said = "wedged\nin on_stop\x1b[2J\n12:00:00.000  psu  running"
    text = EventLines(colour=False).line(kind="wedged", text=said, instrument="psu", moment=0)

    assert text.splitlines()[0].endswith("  psu  wedged")
    assert text.splitlines()[1:] == ["  in on_stop\\x1b[2J", "  12:00:00.000  psu  running"]
