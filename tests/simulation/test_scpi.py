from __future__ import annotations

import pytest

from labtroupe.simulation import Multimeter, PowerSupply
from labtroupe.simulation._scpi import ScpiDevice


def ask(device: ScpiDevice, message: str, now: float = 0.0) -> str | None:
    """Return the answer to one message without its end, ``None`` for silence."""
    answers = device.receive(message.encode() + b"\n", now)
    assert len(answers) <= 1
    assert all(answer.endswith(b"\n") for answer in answers)
    return answers[0].decode().removesuffix("\n") if answers else None


def error(device: ScpiDevice) -> str | None:
    return ask(device, "SYST:ERR?")


NO_ERROR = '0,"No error"'


@pytest.mark.parametrize(
    "header",
    [
        "MEAS:VOLT:DC?", "MEASure:VOLTage:DC?", "measure:volt?", ":meas:voltage?", "READ?", "read?",
        "MEAS:VOLT? 10", "MEAS:VOLT:DC? 10,0.001", " MEAS:VOLT? \r",
    ],
)  # fmt: skip
def test_a_header_may_be_long_or_short_in_any_case(header: str) -> None:
    """SCPI-1999 6.2.1."""
    meter = Multimeter()

    assert float(ask(meter, header) or "") == pytest.approx(5, rel=1e-3)
    assert error(meter) == NO_ERROR


@pytest.mark.parametrize(
    "header", ["MEASU:VOLT?", "MEAS:VOL?", "MEAS:VOLT", "MEAS?", "VOLT?", "*IDN", "READ ?", "é?"]
)
def test_any_other_header_is_undefined(header: str) -> None:
    meter = Multimeter()

    assert ask(meter, header) is None
    assert error(meter) == '-113,"Undefined header"'
    assert error(meter) == NO_ERROR


@pytest.mark.parametrize(
    ("message", "number"),
    [("*IDN? 1", -108), ("MEAS:VOLT? 1,2,3", -108), ("READ? MAX", -108)],
)
def test_too_many_parameters_are_not_allowed(message: str, number: int) -> None:
    meter = Multimeter()

    assert ask(meter, message) is None
    assert error(meter) == f'{number},"Parameter not allowed"'


def test_the_identity_names_model_and_serial_number() -> None:
    """L8."""
    assert ask(Multimeter(serial="42"), "*IDN?") == "labtroupe,Simulated Multimeter,42,1.0"
    assert ask(PowerSupply(), "*IDN?") == "labtroupe,Simulated DC Supply,SIM0001,1.0"


def test_a_message_of_several_commands_has_one_answer() -> None:
    """SCPI-1999 6.2.4: a header goes on in the branch of the one before it."""
    supply = PowerSupply()

    assert ask(supply, "SOUR:VOLT 5;*OPC;CURR 2;:VOLT?;*OPC?;CURR?;") == "5.0000;1;2.0000"
    assert error(supply) == NO_ERROR


def test_the_rest_of_a_message_is_dropped_after_a_command_that_is_not_understood() -> None:
    supply = PowerSupply()

    assert ask(supply, "VOLT 5;VOLT?;NONSENSE;VOLT 6") == "5.0000"
    assert ask(supply, "VOLT?") == "5.0000"


def test_the_rest_of_a_message_is_done_after_a_value_out_of_range() -> None:
    supply = PowerSupply()

    assert ask(supply, "VOLT 99;CURR 1;CURR?") == "1.0000"
    assert error(supply) == '-222,"Data out of range"'


def test_an_empty_message_is_nothing() -> None:
    meter = Multimeter()

    assert ask(meter, "") is None
    assert ask(meter, " ; ") is None
    assert error(meter) == NO_ERROR


def test_errors_come_out_oldest_first_and_the_last_says_that_there_were_more() -> None:
    supply = PowerSupply()
    ask(supply, "NONSENSE")
    for _ in range(20):
        ask(supply, "VOLT 99")
    errors = [error(supply) for _ in range(11)]

    assert errors == [
        '-113,"Undefined header"',
        *['-222,"Data out of range"'] * 8,
        '-350,"Queue overflow"',
        NO_ERROR,
    ]


def test_the_event_register_is_cleared_by_reading_it() -> None:
    """IEEE 488.2 11.5.1."""
    supply = PowerSupply()
    assert ask(supply, "*ESR?") == "128"
    ask(supply, "NONSENSE")
    ask(supply, "VOLT 99")
    ask(supply, "*OPC")

    assert ask(supply, "*ESR?") == str(0x20 | 0x10 | 0x01)
    assert ask(supply, "*ESR?") == "0"


def test_cls_clears_errors_and_events() -> None:
    meter = Multimeter()
    ask(meter, "NONSENSE")
    ask(meter, "*CLS")

    assert (error(meter), ask(meter, "*ESR?")) == (NO_ERROR, "0")


def test_an_unfinished_message_is_not_kept_without_bound() -> None:
    """L6."""
    meter = Multimeter()
    for _ in range(100):
        meter.receive(b"x" * 1000, 0)

    assert len(meter._unfinished) <= 4096
    ask(meter, "")
    ask(meter, "*CLS")
    assert ask(meter, "*OPC?") == "1"


def test_the_voltage_drifts_slowly_and_depends_on_the_seed_alone() -> None:
    def readings(seed: int) -> list[float]:
        meter = Multimeter(volts=10, seed=seed)
        return [float(ask(meter, "READ?", now) or "") for now in range(0, 600, 10)]

    assert readings(1) == readings(1) != readings(2)
    assert (min(readings(1)), max(readings(1))) == pytest.approx((9.98, 10.02), abs=1e-3)


def on(volts: float, amps: float, load: float = 10.0) -> PowerSupply:
    """Return a supply that was switched on at 0 s."""
    supply = PowerSupply(load=load)
    assert ask(supply, f"VOLT {volts};CURR {amps};:OUTP ON") is None
    return supply


def measured(supply: PowerSupply, now: float) -> tuple[float, float]:
    volts, amps = (ask(supply, "MEAS:VOLT?;CURR?", now) or "").split(";")
    return float(volts), float(amps)


def test_a_supply_is_off_and_harmless_when_switched_on_and_after_rst() -> None:
    supply = on(10, 1)
    ask(supply, "CURR:PROT:STAT 1;*RST")

    for each in (supply, PowerSupply()):
        assert ask(each, "VOLT?;CURR?;OUTP?;CURR:PROT:STAT?;TRIP?") == "0.0000;3.0000;0;0;0"


def test_a_supply_holds_its_voltage_below_the_current_limit() -> None:
    supply = on(10, 2)

    assert measured(supply, 1) == pytest.approx((10, 1), abs=0.01)
    assert not supply.is_limiting()


def test_a_supply_holds_its_current_where_the_load_takes_too_much() -> None:
    supply = on(20, 0.5)

    assert measured(supply, 1) == pytest.approx((5, 0.5), abs=0.01)
    assert supply.is_limiting()
    assert ask(supply, "CURR:PROT:TRIP?") == "0"


def test_the_output_takes_its_time_both_ways() -> None:
    supply = on(20, 3)

    assert measured(supply, 0.1)[0] == pytest.approx(10, abs=0.01)
    assert measured(supply, 0.2)[0] == pytest.approx(20, abs=0.01)
    ask(supply, "OUTP 0", 1)
    assert measured(supply, 1.15)[0] == pytest.approx(5, abs=0.01)


@pytest.mark.parametrize("steps", [1, 7, 300])
def test_the_protection_trips_when_the_current_limit_is_reached(steps: int) -> None:
    supply = on(20, 1)
    ask(supply, "CURR:PROT:STAT ON")
    # 10 V, 1 A are reached after 100 ms; at 150 ms half of it is gone again.
    for step in range(steps + 1):
        supply.advance(0.15 * step / steps)

    assert supply.output == pytest.approx(5)
    assert ask(supply, "OUTP?;:CURR:PROT:TRIP?", 0.15) == "0;1"


def test_the_protection_does_not_trip_below_the_limit() -> None:
    supply = on(10, 3)
    ask(supply, "CURR:PROT:STAT ON")

    assert measured(supply, 1)[0] == pytest.approx(10, abs=0.01)
    assert ask(supply, "OUTP?;:CURR:PROT:TRIP?", 1) == "1;0"


def test_a_tripped_output_stays_off_until_it_is_cleared() -> None:
    supply = on(20, 1)
    ask(supply, "CURR:PROT:STAT ON")
    ask(supply, "OUTP ON", 1)

    assert error(supply) == '-221,"Settings conflict"'
    assert ask(supply, "OUTP?;:CURR:PROT:TRIP?", 2) == "0;1"
    assert ask(supply, "VOLT 5;CURR:PROT:CLE;:OUTP ON;:OUTP?", 3) == "1"
    assert measured(supply, 4)[0] == pytest.approx(5, abs=0.01)


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("VOLT 30.1", '-222,"Data out of range"'),
        ("VOLT -1", '-222,"Data out of range"'),
        ("VOLT nan", '-222,"Data out of range"'),
        ("CURR 3.1", '-222,"Data out of range"'),
        ("VOLT five", '-104,"Data type error"'),
        ("VOLT", '-109,"Missing parameter"'),
        ("VOLT 1,2", '-108,"Parameter not allowed"'),
        ("OUTP maybe", '-224,"Illegal parameter value"'),
        ("OUTP", '-109,"Missing parameter"'),
    ],
)
def test_a_wrong_value_is_an_error_and_changes_nothing(message: str, wanted: str) -> None:
    supply = on(5, 1)
    ask(supply, message)

    assert error(supply) == wanted
    assert ask(supply, "VOLT?;CURR?;OUTP?") == "5.0000;1.0000;1"


def test_min_and_max_are_the_limits() -> None:
    assert ask(PowerSupply(max_volts=12), "VOLT MAX;CURR minimum;VOLT?;CURR?") == "12.0000;0.0000"
