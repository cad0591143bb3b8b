"""A tape of a real session, and what stands in for the device with it."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from labtroupe.kinds import LinkamT95
from labtroupe.tapes import read_tape
from labtroupe.testing import ScriptBroken, Tape, byte_double

from ._benches import Place, Program, wait_until
from .conftest import Shell


def test_a_session_is_written_down_as_it_goes(place: Place, bench: Program, shell: Shell) -> None:
    path = place.files / "heater.jsonl"
    with place.started("record", "heater", "-o", str(path), "--frames", "4") as recorder:
        wait_until(lambda: path.exists() and path.read_text() != "")
        shell("call", "heater", "temperature")
        shell("call", "heater", "temperature")
        assert recorder.wait_end() == 0
        summary = recorder.errors()
    tape = read_tape(path)

    assert summary.startswith("heater: 4 frames in ")
    assert (tape.header.instrument, tape.header.address) == ("heater", "sim:linkam-t95")
    assert [frame.sent for _, frame in tape.frames] == ["T\r", "", "T\r", ""]
    assert all(frame.received.endswith("\r") for _, frame in tape.frames[1::2])


def test_an_interrupted_recording_is_whole(place: Place, bench: Program, shell: Shell) -> None:
    with place.started("record", "heater", "-o", "-") as recorder:
        recorder.wait_for("labtroupe")
        shell("call", "heater", "temperature")
        recorder.wait_for("received")
        assert recorder.interrupt() == 130

    lines = recorder.seen.splitlines()
    assert ([line[:7] for line in lines[:2]], recorder.seen[-1]) == (['{"tape"', '{"at": '], "\n")


def test_a_recording_that_cannot_be_leaves_no_file_and_spoils_none(
    place: Place, bench: Program, shell: Shell
) -> None:
    path = place.files / "precious.jsonl"
    unknown = shell("record", "heatr", "-o", str(path))
    assert (unknown.code, path.exists()) == (4, False)
    path.write_text("precious")
    result = shell("record", "heater", "-o", str(path))

    assert (result.code, path.read_text()) == (2, "precious")
    assert f"there is a {path} already" in result.err
    assert "Give another name" in result.err


async def test_what_was_recorded_is_replayed_to_the_same_instrument(
    place: Place, bench: Program, autojump_clock: MockClock
) -> None:
    """And another version, which says something else, is told what differs and in which line."""
    path = place.files / "session.jsonl"
    with place.started("record", "heater", "-o", str(path)) as recorder:
        wait_until(lambda: path.exists() and path.read_text() != "")
        # So that its first words are on the tape.
        place.labtroupe("restart", "heater")
        place.labtroupe("call", "heater", "ramp", "-40", "rate=5")
        assert recorder.interrupt() == 130

    async def play(limit: float) -> None:
        async with byte_double(Tape(path)) as double, double.instrument(LinkamT95) as heater:
            await heater.ask(LinkamT95.ramp(limit, 5.0))

    await play(-40.0)
    with pytest.raises(ScriptBroken) as caught:
        await play(-41.0)
    (line,) = (number for number, frame in read_tape(path).frames if frame.sent == "L1-400\r")
    assert repr(caught.value) == (rf"line {line} of session.jsonl: expected b'L1-400\r', got b'L1-410\r'")
