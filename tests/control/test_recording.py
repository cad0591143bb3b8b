"""The wires of a running bench, listened to."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest
from trio.testing import MockClock

from labtroupe.control import _recording
from labtroupe.errors import ArgumentError, BenchError, LinkError, UnknownInstrumentError
from labtroupe.kinds import LinkamT95
from labtroupe.messages import SimulationCrashed
from labtroupe.tapes import TapeFrame, TapeHeader, tape_line
from labtroupe.testing import FakeBench

BENCH = """
[bench]
name = "recorded"
[instruments.heater]
kind = "linkam-t95"
address = "sim:linkam-t95"
[instruments.line]
kind = "modbus-rtu-bus"
address = "sim:modbus-rtu-bus"
[instruments.oven]
kind = "modbus"
bus = "line"
unit = 1
"""


async def test_a_tape_has_all_that_goes_over_the_wire_from_its_first_line_on(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """S14: also over a restart, which is when the first words are said."""
    frames: list[TapeFrame] = []
    async with fake_bench(BENCH) as bench, aclosing(bench.service.recording.record("heater")) as parts:
        header = await anext(parts)
        assert isinstance(header, TapeHeader)
        assert (header.instrument, header.kind) == ("heater", "linkam-t95")
        await bench.service.restart("heater")
        await bench.ref("heater", LinkamT95).ask(LinkamT95.ramp(-40.0, 5.0))
        async for part in parts:
            assert isinstance(part, TapeFrame)
            frames.append(part)
            if part.sent == "S\r":
                break

    sent = [frame.sent for frame in frames if frame.sent]
    assert (sent[0], sent[-3:]) == ("T\r", ["R1500\r", "L1-400\r", "S\r"])
    assert sorted(frame.at for frame in frames) == [frame.at for frame in frames]


async def test_nobody_listens_when_nobody_records(fake_bench: FakeBench, virtual_clock: MockClock) -> None:
    async with fake_bench(BENCH) as bench:
        await bench.connect("heater")
        recorder = bench.service.recording._recorders["heater"]
        async with aclosing(bench.service.recording.record("heater")) as parts:
            await anext(parts)
            assert len(recorder.listeners) == 1

        assert recorder.listeners == []


async def test_what_has_no_wire_of_its_own_cannot_be_recorded(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    async with fake_bench(BENCH) as bench:
        record = bench.service.recording.record
        with pytest.raises(ArgumentError, match="oven has no wire of its own") as caught:
            await anext(record("oven"))
        with pytest.raises(UnknownInstrumentError):
            await anext(record("pump"))

    assert "line" in caught.value.remedy


async def test_a_tape_with_a_gap_ends_there(
    fake_bench: FakeBench, virtual_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_recording, "_WAITING", 3)
    async with fake_bench(BENCH) as bench, aclosing(bench.service.recording.record("heater")) as parts:
        await anext(parts)
        for _ in range(3):
            await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature())
        with pytest.raises(BenchError, match="the tape ends here"):
            async for _ in parts:
                pass


async def test_a_tape_stands_in_for_a_device_of_a_bench(
    fake_bench: FakeBench, virtual_clock: MockClock, tmp_path: Path
) -> None:
    """And what is not on it is an event, which says where."""
    header = TapeHeader(1, "heater", "linkam-t95", "", "", "labtroupe")
    # What it says when its port was opened, and then what it is asked.
    frames = [
        TapeFrame(0.0, sent="T\r"),
        TapeFrame(0.1, received="\x01\x80\x80\x80\x80\x8000ef\r"),
        TapeFrame(2.0, sent="T\r"),
        TapeFrame(2.1, received="\x01\x80\x80\x80\x80\x8000f0\r"),
    ]
    tape = tmp_path / "heater.jsonl"
    tape.write_text(tape_line(header) + "".join(tape_line(frame) for frame in frames))
    text = '[instruments.heater]\nkind = "linkam-t95"\naddress = "sim:tape?path={}"\n'
    async with fake_bench(text.format(tape)) as bench:
        heater = bench.ref("heater", LinkamT95)
        assert await heater.ask(LinkamT95.temperature()) == 24.0
        with pytest.raises(LinkError):
            await heater.ask(LinkamT95.temperature())
        crashes = [each async for each in bench.service.events() if isinstance(each, SimulationCrashed)]

    assert [each.reason for each in crashes] == [
        r"after the end of heater.jsonl: expected nothing, got b'T\r'"
    ]
