from __future__ import annotations

import pytest

from labtroupe.simulation import LinkamStage


def stage(*commands: bytes) -> LinkamStage:
    """Return a stage at 24 degC that was greeted and told these at 0 s."""
    device = LinkamStage()
    for command in (b"T", *commands):
        assert device.receive(command + b"\r", 0)
    return device


def status(device: LinkamStage, now: float) -> bytes:
    (answer,) = device.receive(b"T\r", now)
    return answer


def reading(device: LinkamStage, now: float) -> float:
    """Return the temperature that it tells, in degC."""
    tenths = int(status(device, now)[6:10], 16)
    return (tenths - 0x10000 if tenths & 0x8000 else tenths) / 10


def test_the_status_is_ten_bytes_and_a_cr() -> None:
    assert status(LinkamStage(), 0) == b"\x01\x80\x80\x80\x80\x8000f0\r"


def test_nothing_is_answered_before_the_first_t() -> None:
    device = LinkamStage()

    assert device.receive(b"S\rR11000\r", 0) == []
    assert len(device.receive(b"T\rS\r", 0)) == 2
    device.power_on()
    assert device.receive(b"S\r", 0) == []


@pytest.mark.parametrize(
    "command", [b"R12000", b"L1-100", b"S", b"E", b"O", b"H", b"C", b"Pa0", b"Pm0", b"P0", b"PN"]
)
def test_a_command_is_answered_with_an_empty_line(command: bytes) -> None:
    assert stage().receive(command + b"\r", 0) == [b"\r"]


@pytest.mark.parametrize(
    "command", [b"", b"t", b"X", b"R1", b"R1x", b"R2100", b"L1--1", b"PO", b"P", b"T ", b"S\n"]
)
def test_what_is_no_command_is_not_answered(command: bytes) -> None:
    assert stage().receive(command + b"\r", 0) == []


@pytest.mark.parametrize("command", [b"R10", b"R115001", b"L1-2001", b"L16001"])
def test_a_value_out_of_range_is_answered_and_ignored(command: bytes) -> None:
    device = stage(b"R12000", b"L11000", command)

    assert (device.rate, device.limit) == (20, 100)


def test_a_ramp_goes_to_the_limit_at_the_rate_and_holds_there() -> None:
    device = stage(b"R16000", b"L11000", b"S")

    assert reading(device, 30) == pytest.approx(54, abs=0.2)
    assert status(device, 30)[0] == 0x10
    assert status(device, 76)[0] == 0x30
    assert (device.temperature, reading(device, 1000)) == pytest.approx((100, 100), abs=0.2)


def test_a_ramp_can_go_below_zero_with_the_pump_on() -> None:
    device = stage(b"R12500", b"L1-1000", b"S")

    assert status(device, 0)[:3] == b"\x20\x80\x8f"
    assert reading(device, 120) == pytest.approx(-26, abs=0.2)
    assert status(device, 1000)[:3] == b"\x30\x80\x80"


def test_cooling_faster_than_the_pump_can_is_flagged() -> None:
    assert status(stage(b"R110000", b"L1-1000", b"S"), 0)[:3] == b"\x20\x81\x9e"


def test_the_pump_runs_by_hand_until_it_is_automatic_again() -> None:
    device = stage(b"Pm0", b"P:")
    assert status(device, 0)[2] == 0x8A
    device.receive(b"Pa0\r", 0)

    assert status(device, 0)[2] == 0x80


def test_a_held_stage_stays_until_told_to_heat_or_cool() -> None:
    device = stage(b"R16000", b"L11000", b"S")
    device.receive(b"O\r", 10)
    device.receive(b"S\r", 20)

    assert (status(device, 30)[0], device.temperature) == pytest.approx((0x50, 34))
    device.receive(b"H\r", 30)
    assert status(device, 40)[0] == 0x10
    assert device.temperature == pytest.approx(44)


def test_a_stopped_stage_goes_back_to_ambient() -> None:
    device = stage(b"R16000", b"L11000", b"S")
    device.receive(b"E\r", 60)

    assert status(device, 60)[0] == 0x01
    assert 24.5 < reading(device, 240) < 50
    assert reading(device, 3600) == pytest.approx(24, abs=0.2)


def test_the_physics_are_the_same_in_one_step_and_in_many() -> None:
    once, often = (stage(b"R16000", b"L11000", b"S") for _ in range(2))
    for tenth in range(700):
        often.advance(tenth / 10)
    for device in (once, often):
        device.receive(b"E\r", 70)
    for second in range(70, 200):
        often.advance(second)
    once.advance(199)

    assert once.temperature == pytest.approx(often.temperature)


def test_a_power_cycle_stops_it_and_leaves_it_warm() -> None:
    device = stage(b"R16000", b"L11000", b"Pm0", b"PN", b"S")
    device.advance(30)
    device.power_on()

    assert status(device, 30)[:3] == b"\x01\x80\x80"
    assert (device.temperature, device.limit) == pytest.approx((54, 100))


def test_readings_are_noisy_and_depend_on_the_seed_alone() -> None:
    def readings(seed: int) -> list[float]:
        device = LinkamStage(seed=seed, ambient=24.05)
        return [reading(device, 0) for _ in range(100)]

    assert readings(1) == readings(1) != readings(2)
    assert {24.0, 24.1} <= set(readings(1)) <= {23.9, 24.0, 24.1, 24.2}
