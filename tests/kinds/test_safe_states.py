"""The safe states of the kinds that come with labtroupe, down to the bytes."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from labtroupe import Bench, Outcome
from labtroupe.kinds import DCPowerSupply, LinkamT95, Mode
from labtroupe.kinds import _linkam as linkam
from labtroupe.records import SafetyReport
from labtroupe.testing import FakeBench

BENCH = """
[instruments.psu]
kind = "dc-power-supply"
address = "sim:dc-power-supply"

[instruments.heater]
kind = "linkam-t95"
address = "sim:linkam-t95"

[instruments.dmm]
kind = "scpi"
address = "sim:scpi"
"""


async def halt(bench: Bench, name: str) -> SafetyReport:
    """Halt one instrument, reset it, and return its report."""
    result = await bench.service.halt([name], "smoke")
    await bench.service.reset([name], "aired")
    return result.reports[0]


async def test_the_output_of_a_supply_is_switched_off(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """S9: and what it was set to stays."""
    async with fake_bench(BENCH) as bench:
        psu = bench.ref("psu", DCPowerSupply)
        await psu.ask(DCPowerSupply.set_voltage(5.0))
        await psu.ask(DCPowerSupply.switch(on=True))
        report = await halt(bench, "psu")

        assert report == SafetyReport("psu", confirmed=True)
        assert not (await psu.ask(DCPowerSupply.status())).on
        assert await halt(bench, "psu") == report


async def test_an_output_that_stays_on_is_not_confirmed(
    fake_bench: FakeBench, virtual_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S9: only what the device says itself is known."""

    async def still_on(_self: DCPowerSupply, _request: str) -> float:
        await trio.lowlevel.checkpoint()
        return 1.0

    async with fake_bench(BENCH) as bench:
        await bench.ref("psu", DCPowerSupply).ask(DCPowerSupply.voltage())
        monkeypatch.setattr(DCPowerSupply, "_number", still_on)

        assert await halt(bench, "psu") == SafetyReport(
            "psu", confirmed=False, reason="the output is still on"
        )


async def test_a_stage_stops_heating(fake_bench: FakeBench, virtual_clock: MockClock) -> None:
    """S9."""
    async with fake_bench(BENCH) as bench:
        heater = bench.ref("heater", LinkamT95)
        await heater.ask(LinkamT95.ramp(100.0, 150.0))
        assert (await heater.ask(LinkamT95.status())).mode is Mode.HEATING
        report = await halt(bench, "heater")

        assert report == SafetyReport("heater", confirmed=True)
        assert (await heater.ask(LinkamT95.status())).mode is Mode.STOPPED
        assert await halt(bench, "heater") == report


async def test_a_stage_that_goes_on_is_not_confirmed(
    fake_bench: FakeBench, virtual_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S9: it is looked at again until the time is over."""
    async with fake_bench(BENCH) as bench:
        await bench.ref("heater", LinkamT95).ask(LinkamT95.ramp(100.0, 150.0))
        monkeypatch.setitem(linkam._MODES, 0x01, Mode.HEATING)
        report = await halt(bench, "heater")

        assert not report.confirmed
        assert report.reason.startswith("not done")


async def test_of_any_other_device_nobody_knows_what_is_safe(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """S9: so nothing is done, and that is said."""
    async with fake_bench(BENCH) as bench:
        assert await halt(bench, "dmm") == SafetyReport(
            "dmm", confirmed=False, reason="no safe state is declared"
        )


async def test_a_safe_state_is_reached_over_a_link_that_was_cut_off(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """S9, L2: an exchange that the halt has cut off does not keep a device from being safe."""
    async with fake_bench(BENCH) as bench:
        psu, heater = bench.ref("psu", DCPowerSupply), bench.ref("heater", LinkamT95)
        await psu.ask(DCPowerSupply.switch(on=True))
        await heater.ask(LinkamT95.ramp(100.0, 150.0))
        for name in ("psu", "heater"):
            bench.service.inject(name, "late", ["0.2"])
        replies = psu.send(DCPowerSupply.voltage()), heater.send(LinkamT95.temperature())
        await trio.sleep(0.05)
        result = await bench.service.halt(["psu", "heater"], "smoke")

        assert [reply.outcome for reply in replies] == [Outcome.UNKNOWN] * 2
        assert result.reports == (SafetyReport("psu", confirmed=True), SafetyReport("heater", confirmed=True))
