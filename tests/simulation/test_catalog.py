from __future__ import annotations

import pytest

from labtroupe.errors import ConfigError
from labtroupe.simulation import (
    SIMULATED,
    LinkamStage,
    ModbusBus,
    Multimeter,
    PowerSupply,
    Silent,
    make_device,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("linkam-t95", LinkamStage),
        ("scpi", Multimeter),
        ("dc-power-supply", PowerSupply),
        ("modbus-rtu-bus", ModbusBus),
        ("silent", Silent),
    ],
)
def test_a_device_is_made_by_its_name(name: str, kind: type) -> None:
    assert type(make_device(name)) is kind
    assert name in SIMULATED


def test_options_may_come_as_text() -> None:
    device = make_device("linkam-t95", ambient="20.5", latency="0.1", seed="7")

    assert isinstance(device, LinkamStage)
    assert (device.temperature, device.latency, device.seed) == (20.5, 0.1, 7)


def test_a_device_of_ones_own_is_named_by_module_and_class() -> None:
    assert isinstance(make_device("labtroupe.simulation:Multimeter", volts=1), Multimeter)


@pytest.mark.parametrize(
    ("name", "options", "message", "remedy"),
    [
        ("linkam-t59", {}, "no simulated device 'linkam-t59'", "Did you mean `linkam-t95`?"),
        ("scpi", {"seeed": "1"}, "scpi has no option 'seeed'", "Did you mean `seed`?"),
        ("scpi", {"seed": "one"}, "scpi cannot be made: .*'one'", "Correct its options."),
        ("dc-power-supply", {"load": 0}, "cannot be made: .*'load' must be > 0", "Correct its options."),
        ("no.such.module:Pump", {}, "cannot import no.such.module:Pump", "package.module:Class"),
        ("labtroupe.simulation:Pump", {}, "cannot import .*'Pump'", "package.module:Class"),
        ("labtroupe.simulation:make_device", {}, "is not a simulated device", "LineDevice"),
        ("labtroupe.simulation:LineDevice", {}, "cannot be made: .*abstract", "Correct its class"),
    ],
)
def test_what_cannot_be_made_says_why(
    name: str, options: dict[str, str | float], message: str, remedy: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        make_device(name, **options)

    assert remedy in caught.value.remedy
