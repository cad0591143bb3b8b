from __future__ import annotations

import time

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
        assert trio.current_time() == pytest.approx(60.0)
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


async def test_in_any_order_what_came_first_leaves_to_the_others_what_only_they_meet(
    autojump_clock: MockClock,
) -> None:
    probe = Probe(double := heater())
    async with running(double) as ref:
        for celsius, rate in ((1.0, 1.0), (1.0, 2.0), (2.0, 1.0)):
            await ref.ask(Thermostat.heat(celsius, rate=rate))
        await probe.expect_in_any_order(
            Thermostat.heat(ANY, rate=1.0), Thermostat.heat(1.0, rate=ANY), Thermostat.heat(ANY, rate=2.0)
        )


async def test_another_order_is_no_difference_where_any_will_do(autojump_clock: MockClock) -> None:
    probe = Probe(double := heater())
    async with running(double) as ref:
        await ref.ask(HEAT_2)
        await ref.ask(HEAT_1)
        with pytest.raises(Violated) as caught:
            await probe.expect_in_any_order(HEAT_1, Thermostat.temperature(), HEAT_2, within=1)
    assert str(caught.value).splitlines()[1:] == [
        "      Thermostat.heat(2.0, rate=10.0)",
        "      Thermostat.heat(1.0, rate=10.0)",
        "    - Thermostat.temperature()",
    ]


async def test_several_may_wait_at_one_probe_and_none_of_them_is_forgotten(
    autojump_clock: MockClock,
) -> None:
    """Also when one of them gives up: what comes then is for the other."""
    probe = Probe(double := heater())
    async with running(double) as ref, trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            await probe.expect(HEAT_1)
        nursery.start_soon(probe.expect, Thermostat.heat)
        nursery.start_soon(probe.expect, Thermostat.heat)
        await trio.sleep(1)
        await ref.ask(HEAT_1)
        await ref.ask(HEAT_2)


async def test_what_differs_is_shown_at_once_however_much_it_is(autojump_clock: MockClock) -> None:
    """A difference of a thousand lines, character by character, would take minutes."""
    probe = Probe(double := heater())
    expected = [Thermostat.heat(float(number % 500)) for number in range(999)]
    async with running(double) as ref:
        for message in [*expected[:900], HEAT_1]:
            await ref.ask(message)
        start = time.process_time()
        with pytest.raises(Violated) as caught:
            await probe.expect(*expected)
        assert time.process_time() - start < 5
    assert len(str(caught.value).splitlines()) < 120
    assert "    +Thermostat.heat(1.0, rate=10.0)" in str(caught.value).splitlines()
