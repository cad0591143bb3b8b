from __future__ import annotations

import re

import pytest

from labtroupe.errors import ConfigError
from labtroupe.transport import Address


@pytest.mark.parametrize(
    ("resource", "address"),
    [
        ("ASRL/dev/ttyUSB0::INSTR", "serial:/dev/ttyUSB0"),
        ("ASRL/dev/ttyUSB0", "serial:/dev/ttyUSB0"),
        ("asrl/dev/ttyUSB0::instr?baudrate=19200", "serial:/dev/ttyUSB0?baudrate=19200"),
        ("ASRL/dev/serial/by-path/pci-0:1.0-port0::INSTR", "serial:/dev/serial/by-path/pci-0:1.0-port0"),
        ("TCPIP0::192.168.1.20::5025::SOCKET", "tcp://192.168.1.20:5025"),
        ("TCPIP::Scope.local::5025::SOCKET", "tcp://scope.local:5025"),
    ],
)
def test_a_visa_resource_string_is_an_address(resource: str, address: str) -> None:
    assert str(Address.parse(resource)) == address


@pytest.mark.parametrize(
    ("resource", "sentence", "remedy"),
    [
        ("ASRL3::INSTR", "which port is ASRL3, only the VISA library", "ASRL/dev/ttyUSB0::INSTR"),
        ("ASRL/dev/ttyUSB0::SOCKET", "it is no ASRL resource", "ASRL/dev/ttyUSB0::INSTR"),
        ("TCPIP0::scope::INSTR", "VXI-11 and HiSLIP are not supported", "::5025::SOCKET"),
        ("TCPIP0::scope::hislip0::INSTR", "VXI-11 and HiSLIP are not supported", "::5025::SOCKET"),
        ("TCPIP0::scope::SOCKET", "it is no TCPIP resource", "::5025::SOCKET"),
        ("TCPIP0::scope::lan0::SOCKET", "'//scope:lan0' is no //host:port", "tcp://"),
        ("USB0::0x1234::SN1::INSTR", "it is no USB resource", "USB::0x1ab1::0x0e11::"),
        ("USB0::0x12345::0x5678::SN1::INSTR", "0x12345 is no USB id", "USB::0x1ab1::0x0e11::"),
        ("USB0::DMM::0x5678::SN1::INSTR", "'DMM'", "USB::0x1ab1::0x0e11::"),
        ("GPIB0::12::INSTR", "GPIB0 is not supported", "a gateway"),
        ("PXI0::15-1.0::INSTR", "PXI0 is not supported", "a gateway"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_can(resource: str, sentence: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)) as caught:
        Address.parse(resource)

    assert remedy in caught.value.remedy


@pytest.mark.parametrize("text", ["GPIB", "gpibs:1", "ASRL", "usbtmc:1", "tcpips"])
def test_a_word_that_only_begins_like_one_is_no_resource(text: str) -> None:
    with pytest.raises(ConfigError, match=r"no scheme|GPIB is not supported"):
        Address.parse(text)
