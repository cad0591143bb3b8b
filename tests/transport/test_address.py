from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.errors import ConfigError
from labtroupe.transport import (
    Address,
    ProcessAddress,
    SerialAddress,
    SimAddress,
    TcpAddress,
    UsbAddress,
    claims,
    open_transport,
)

LETTERS = "abzABZ019 :._/+%-#"

words = st.text(LETTERS, min_size=1)
some_options = st.dictionaries(words, words, max_size=4).map(lambda options: tuple(options.items()))
hosts = st.one_of(
    st.lists(st.text("abz09", min_size=1, max_size=9), min_size=1, max_size=4).map(".".join),
    st.ip_addresses().map(str),
)
addresses = st.one_of(
    st.builds(
        SerialAddress,
        words.map("/dev/{}".format),
        baudrate=st.integers(50, 12_000_000),
        bytesize=st.sampled_from([5, 6, 7, 8]),
        parity=st.sampled_from("NEOMS"),
        stopbits=st.sampled_from([1, 1.5, 2]),
        rtscts=st.booleans(),
        xonxoff=st.booleans(),
    ),
    st.builds(
        SerialAddress,
        st.just(""),
        vid=st.sampled_from(["0403", "10c4"]),
        serial_number=words.map("A{}".format),
        location=st.sampled_from(["", "1-2", "3-1.4.2"]),
        interface=st.sampled_from(["", "0", "12"]),
        baudrate=st.integers(50, 12_000_000),
    ),
    st.builds(TcpAddress, hosts, st.integers(1, 65535)),
    st.builds(
        ProcessAddress,
        st.lists(st.text(LETTERS + "'\"?&=\\"), min_size=1).map(tuple).filter(lambda argv: argv[0]),
    ),
    st.builds(UsbAddress, st.just("1ab1"), st.just("0e11"), words, interface=st.just("1"), raw=st.booleans()),
    st.builds(SimAddress, words, pairs=some_options),
)


@given(addresses)
def test_an_address_is_read_back_from_its_text(address: Address) -> None:
    text = str(address)

    assert Address.parse(text) == address
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("serial:/dev/ttyUSB0", SerialAddress("/dev/ttyUSB0")),
        ("serial:///dev/ttyUSB0?baudrate=19200", SerialAddress("/dev/ttyUSB0", baudrate=19200)),
        (
            "serial:/dev/ttyS0?bytesize=7&parity=E&stopbits=1.5&rtscts=1&xonxoff=1",
            SerialAddress("/dev/ttyS0", bytesize=7, parity="E", stopbits=1.5, rtscts=True, xonxoff=True),
        ),
        (
            "serial:?serial_number=A6004byf&baudrate=19200",
            SerialAddress("", serial_number="A6004byf", baudrate=19200),
        ),
        ("serial://?vid=0403&pid=6011&interface=2", SerialAddress("", vid="0403", pid="6011", interface="2")),
        ("tcp://192.168.1.20:5025", TcpAddress("192.168.1.20", 5025)),
        ("tcp://Scope.local:5025", TcpAddress("scope.local", 5025)),
        ("tcp://[FE80:0::1%eth0]:5025", TcpAddress("fe80::1%eth0", 5025)),
        ("sim:linkam-t95", SimAddress("linkam-t95")),
        ("sim:linkam-t95?via=tcp", SimAddress("linkam-t95", (("via", "tcp"),))),
    ],
)
def test_an_address_can_be_written_so(text: str, address: Address) -> None:
    assert Address.parse(text) == address


def test_the_canonical_text_leaves_defaults_out() -> None:
    written = "serial:///dev/ttyUSB0?xonxoff=1&stopbits=1&baudrate=19200&rtscts=0"

    assert str(Address.parse(written)) == "serial:/dev/ttyUSB0?baudrate=19200&xonxoff=1"
    assert str(Address.parse("tcp://[0:0::1]:5025")) == "tcp://[::1]:5025"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/dev/ttyUSB0", "'/dev/ttyUSB0': it has no scheme"),
        ("", "'': it has no scheme"),
        ("visa:1ab1", "'visa:1ab1': there is no scheme 'visa'"),
        ("Serial:/dev/ttyUSB0", "there is no scheme 'Serial'; did you mean serial?"),
        ("serial:ttyUSB0", "'ttyUSB0' is no absolute path of a port"),
        ("serial:?baudrate=9600", "it needs either the path of a port or options that say who is there"),
        ("serial:/dev/x?vid=0403", "it needs either the path of a port or options that say who is there"),
        (
            "serial:?vid=403",
            "vid must be four hexadecimal digits in lower case, as lsusb shows them, not '403'",
        ),
        ("serial:?location=usb2", "location must be where it is plugged in, such as 1-2.3, not 'usb2'"),
        ("serial:?serial_number=", "serial_number must be a text, not ''"),
        ("serial:/dev/x?baud=9600", "there is no option baud; did you mean baudrate?"),
        ("serial:/dev/x?z=1", "there is no option z; there are vid, pid, serial_number,"),
        ("serial:/dev/x?baudrate=fast", "baudrate must be a whole number from 50 to 12000000, not 'fast'"),
        ("serial:/dev/x?baudrate=9_600", "baudrate must be a whole number"),
        ("serial:/dev/x?baudrate=0", "baudrate must be a whole number"),
        ("serial:/dev/x?bytesize=9", "bytesize must be 5, 6, 7 or 8, not '9'"),
        ("serial:/dev/x?stopbits=3", "stopbits must be 1, 1.5 or 2, not '3'"),
        ("serial:/dev/x?rtscts=yes", "rtscts must be 0 or 1, not 'yes'"),
        ("serial:/dev/x?parity=X&baud=1", "parity must be N, E, O, M or S, not 'X'; there is no option baud"),
        ("serial:/dev/x?rtscts", "'rtscts' is no option; options are written name=value"),
        ("serial:/dev/x?rtscts=1&", "'' is no option; options are written name=value"),
        ("serial:/dev/x?rtscts=1&rtscts=1", "rtscts is given twice"),
        ("tcp:host:5025", "'host:5025' is no //host:port"),
        ("tcp://host", "'//host' is no //host:port"),
        ("tcp://:5025", "'//:5025' is no //host:port"),
        ("tcp://::1:5025", "'//::1:5025' is no //host:port"),
        ("tcp://[::1", "'//[::1' is no //host:port"),
        ("tcp://[1.2.3.4]:5025", "1.2.3.4"),
        ("tcp://a..b:5025", "label empty"),
        ("tcp://my scope:5025", "'//my scope:5025' is no //host:port"),
        ("tcp://host:0", "0 is no port"),
        ("tcp://host:65536", "65536 is no port"),
        ("tcp://host:5025?timeout=1", "there is no option timeout; this scheme has none"),
        ("sim:", "it names no device"),
    ],
)
def test_a_wrong_address_is_refused_with_what_is_wrong_and_a_right_one(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)) as caught:
        Address.parse(text)

    scheme = text.partition(":")[0]
    assert Address.schemes.get(scheme, SerialAddress).example in caught.value.remedy


def test_every_example_is_right() -> None:
    for scheme, kind in Address.schemes.items():
        assert isinstance(Address.parse(kind.example), kind)
        assert kind.scheme == scheme
        assert str(Address.parse(kind.example)) == kind.example


def test_an_address_made_in_code_is_checked_too() -> None:
    with pytest.raises(ValueError, match="bytesize"):
        SerialAddress("/dev/ttyUSB0", bytesize=9)


def test_an_address_says_its_options_as_text() -> None:
    assert Address.parse("serial:/dev/x?rtscts=1&baudrate=9600").options == {"rtscts": "1"}
    assert Address.parse("sim:linkam-t95?via=tcp").options == {"via": "tcp"}


def test_addresses_can_be_keys() -> None:
    assert len({Address.parse("sim:a?b=c"), Address.parse("sim:a?b=c"), Address.parse("tcp://a:1")}) == 2


async def test_a_simulated_address_cannot_be_opened_alone() -> None:
    with pytest.raises(ConfigError, match=r"^sim:linkam-t95: a simulated device runs as part of a bench"):
        await open_transport(Address.parse("sim:linkam-t95"), holder="heater")

    assert claims() == {}
