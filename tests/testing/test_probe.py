from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import UnknownCommandError
from labtroupe.testing import ANY, Double, Probe, Violated

from ._thermostat import Thermostat, running, supervised

HEAT_1, HEAT_2 = Thermostat.heat(1.0), Thermostat.heat(2.0)


def heater() -> Double[Thermostat]:
    """Return a double that can be asked to heat, and for the temperature."""
    double = Double(Thermostat)
    double.when(Thermostat.heat).delay(0.5).reply(None)
    double.when(Thermostat.temperature).reply(20.0)
    return double


async def test_messages_are_expected_in_their_order(autojump_clock: MockClock) -> None:
    probe = Probe(double := heater())
    async with running(double) as ref:
        ref.tell(HEAT_1)
        ref.tell(HEAT_2)
        came = await probe.expect(HEAT_1, Thermostat.heat(ANY), within=0.6)

        assert [each.message for each in came] == [HEAT_1, HEAT_2]
        assert trio.current_time() == pytest.approx(0.5)
        ref.tell(HEAT_2)
        ref.tell(HEAT_1)
        with pytest.raises(Violated, match="not what was expected"):
            await probe.expect(HEAT_1, HEAT_2)


async def test_messages_are_expected_in_any_order(autojump_clock: MockClock) -> None:
    probe = Probe(double := heater())
    async with running(double) as ref:
        ref.tell(HEAT_1)
        ref.tell(HEAT_2)
        await probe.expect_in_any_order(HEAT_2, HEAT_1, within=0.6)
        ref.tell(HEAT_1)
        ref.tell(HEAT_1)
        with pytest.raises(Violated):
            await probe.expect_in_any_order(HEAT_2, HEAT_1)


async def test_what_does_not_come_in_time_is_shown(autojump_clock: MockClock) -> None:
    probe = Probe(double := heater())
    async with running(double) as ref:
        ref.tell(Thermostat.temperature())
        with pytest.raises(Violated) as caught:
            await probe.expect(Thermostat.temperature, HEAT_1, within=2)
        assert trio.current_time() == pytest.approx(2.0)
        assert str(caught.value).splitlines()[1:] == [
            "      Thermostat.temperature()",
            "    - Thermostat.heat(1.0, rate=10.0)",
        ]


async def test_what_came_before_it_was_expected_counts(autojump_clock: MockClock) -> None:
    probe = Probe(double := heater())
    async with running(double) as ref:
        await ref.ask(HEAT_1)
        await probe.expect(HEAT_1, within=0.1)


async def test_nothing_is_expected_for_a_while(autojump_clock: MockClock) -> None:
    probe = Probe(double := heater())
    async with running(double) as ref:
        await probe.expect_nothing(within=60)
        ref.tell(HEAT_1)
        with pytest.raises(Violated, match=r"came:\n    heater: Thermostat.heat\(1.0"):
            await probe.expect_nothing(within=60)


async def test_one_probe_sees_several_doubles(autojump_clock: MockClock) -> None:
    left, right = heater(), heater()
    probe = Probe(left, right)
    async with supervised(left.spec("left"), right.spec("right")) as supervisor:
        await supervisor.ref("right", Thermostat).ask(HEAT_1)
        await supervisor.ref("left", Thermostat).ask(HEAT_1)
    assert [each.instrument for each in await probe.expect(HEAT_1, HEAT_1)] == ["right", "left"]


async def test_only_commands_of_the_doubles_can_be_expected() -> None:
    with pytest.raises(UnknownCommandError, match="not a command of any of the doubles"):
        await Probe().expect(HEAT_1)
