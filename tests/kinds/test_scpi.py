"""SCPI instruments against the simulated multimeter and power supply, in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from labtroupe import ActorRef, CommandError, Outcome
from labtroupe.errors import ArgumentError, CommandRefused, CommandTimeout
from labtroupe.kinds import DCPowerSupply, ScpiInstrument
from labtroupe.testing import FakeBench

BENCH = """
[instruments.psu]
kind = "dc-power-supply"
address = "sim:dc-power-supply"
max_voltage = 12.0

[instruments.dmm]
kind = "scpi"
address = "sim:scpi"
"""


Supply = Callable[[], AbstractAsyncContextManager[ActorRef[DCPowerSupply]]]


@pytest.fixture
def supply(fake_bench: FakeBench) -> Supply:
    """Open the bench, and give the supply."""

    @asynccontextmanager
    async def supply() -> AsyncGenerator[ActorRef[DCPowerSupply]]:
        with trio.fail_after(30):
            async with fake_bench(BENCH) as bench:
                yield bench.ref("psu", DCPowerSupply)

    return supply


async def test_a_supply_gives_what_it_is_set_to(supply: Supply, virtual_clock: MockClock) -> None:
    async with supply() as psu:
        await psu.ask(DCPowerSupply.set_voltage(5.0))
        await psu.ask(DCPowerSupply.set_current(1.0))
        await psu.ask(DCPowerSupply.switch(on=True))
        await trio.sleep(0.5)
        status = await psu.ask(DCPowerSupply.status())
        assert (status.on, status.tripped) == (True, False)
        assert status.voltage == pytest.approx(5.0, abs=0.05)
        assert await psu.ask(DCPowerSupply.current()) == pytest.approx(status.current, abs=0.05)
        await psu.ask(DCPowerSupply.switch(on=False))
        await trio.sleep(0.5)
        assert await psu.ask(DCPowerSupply.voltage()) == pytest.approx(0.0, abs=0.05)


async def test_more_than_the_bench_allows_is_refused_and_not_sent(
    supply: Supply, virtual_clock: MockClock
) -> None:
    async with supply() as psu:
        with pytest.raises(ArgumentError, match="psu: volts must be at most 12 on this bench") as caught:
            await psu.ask(DCPowerSupply.set_voltage(15.0))
        assert caught.value.outcome is Outcome.NOT_SENT


async def test_what_the_device_refuses_is_refused_with_its_own_words(
    supply: Supply, virtual_clock: MockClock
) -> None:
    async with supply() as psu:
        with pytest.raises(CommandRefused, match="'NONSENSE' was refused: -113") as caught:
            await psu.ask(ScpiInstrument.write("NONSENSE"))
        assert caught.value.outcome is Outcome.REFUSED
        assert await psu.ask(ScpiInstrument.errors()) == []


async def test_nobody_is_blamed_for_an_error_of_somebody_else(
    supply: Supply, virtual_clock: MockClock
) -> None:
    """R3: a command that was carried out is not called refused."""
    async with supply() as psu:
        with pytest.raises(CommandRefused, match="was answered with"):
            await psu.ask(ScpiInstrument.query("*IDN?;NONSENSE"))
        with pytest.raises(CommandTimeout):
            await psu.ask(ScpiInstrument.query("NONSENSE?"), timeout=0.3)
        await psu.ask(DCPowerSupply.set_voltage(5.0))
        assert float(await psu.ask(ScpiInstrument.query("VOLT?"))) == pytest.approx(5.0)


async def test_a_query_that_is_not_answered_costs_the_instrument_nothing(
    fake_bench: FakeBench, virtual_clock: MockClock
) -> None:
    """L2: it gets in step again, without a restart."""
    async with fake_bench(BENCH) as running:
        dmm = running.ref("dmm", ScpiInstrument)
        with pytest.raises(CommandError):
            await dmm.ask(ScpiInstrument.query("NONSENSE?"), timeout=0.3)
        assert (await dmm.ask(ScpiInstrument.identity())).manufacturer == "labtroupe"
        (status,) = running.service.status("dmm").instruments
        assert (status.life, status.wire) == (1, "in step")
