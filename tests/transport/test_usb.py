"""USB without a device: addresses, descriptors, and the headers of USBTMC."""

from __future__ import annotations

import re
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtroupe.errors import ConfigError, DeviceAbsent
from labtroupe.ports import Identity, Port, _usb_devices
from labtroupe.transport import Address, UsbAddress, claims, open_transport
from labtroupe.transport import _usb as usb_module
from labtroupe.transport._libusb import load
from labtroupe.transport._usb_descriptors import BulkInterface, bulk_interfaces
from labtroupe.transport._usbtmc_messages import Response, message_out, next_tag, request_in


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("usb://1ab1:0e11/DS1ZA1", UsbAddress("1ab1", "0e11", "DS1ZA1")),
        ("usb://1ab1:0e11", UsbAddress("1ab1", "0e11")),
        (
            "usb://1ab1:0e11?location=1-2.3&interface=1",
            UsbAddress("1ab1", "0e11", location="1-2.3", interface="1"),
        ),
        ("usb://0403:6001/A6?raw=1", UsbAddress("0403", "6001", "A6", raw=True)),
        ("USB0::0x1AB1::0x0e11::DS1ZA1::INSTR", UsbAddress("1ab1", "0e11", "DS1ZA1")),
        ("USB::6833::3601::DS1ZA1::0::INSTR", UsbAddress("1ab1", "0e11", "DS1ZA1", interface="0")),
        ("USB::0x403::0x6001::A6::1::RAW", UsbAddress("0403", "6001", "A6", interface="1", raw=True)),
        (
            "USB::0x403::0x6001::A6::RAW?location=1-2",
            UsbAddress("0403", "6001", "A6", location="1-2", raw=True),
        ),
    ],
)
def test_an_address_can_be_written_so(text: str, address: UsbAddress) -> None:
    assert Address.parse(text) == address
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text", ["usb:1ab1:0e11", "usb://1ab1", "usb://1AB1:0e11", "usb://1ab1:e11/S", "usb://1ab1:0e11/"]
)
def test_a_wrong_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no //vid:pid/serial-number") as caught:
        Address.parse(text)

    assert UsbAddress.example in caught.value.remedy


async def test_without_usb_the_device_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_usb_devices, "_DEVICES", "/nowhere")
    with pytest.raises(DeviceAbsent, match=r"^usb://1ab1:0e11/DS1ZA1: no such device$"):
        await open_transport(Address.parse("usb://1ab1:0e11/DS1ZA1"), holder="scope")

    assert claims() == {}


async def test_without_pyusb_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usb", None)
    with pytest.raises(ConfigError, match=r"^pyusb is not installed$") as caught:
        load()

    assert caught.value.remedy == "`pip install 'labtroupe[usb]'`"


def test_the_interfaces_of_one_device_are_claimed_each_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """L9: a device may have several, for several instruments."""
    address = UsbAddress("1ab1", "0e11", "DS1ZA1")

    def devices() -> list[Port]:
        return [Port("/dev/bus/usb/001/005", "", Identity("1ab1", "0e11", "DS1ZA1", "1-2"))]

    monkeypatch.setattr(usb_module, "usb_devices", devices)

    assert address.resource() == UsbAddress("1ab1", "0e11").resource() == "/dev/bus/usb/001/005"
    assert UsbAddress("1ab1", "0e11", interface="1").resource() == "/dev/bus/usb/001/005#1"


def interface(number: int, *ends: int, setting: int = 0, kind: tuple[int, int] = (0xFF, 0)) -> bytes:
    """Return the descriptor of an interface, with bulk endpoints."""
    head = struct.pack("<BBBBBBBBB", 9, 4, number, setting, len(ends), *kind, 0, 0)
    return head + b"".join(struct.pack("<BBBBHB", 7, 5, end, 2, 512, 0) for end in ends)


def configuration(value: int, *interfaces: bytes) -> bytes:
    """Return the descriptor of a configuration."""
    return struct.pack("<BBHBBBBB", 9, 2, 0, len(interfaces), value, 0, 0x80, 50) + b"".join(interfaces)


def test_the_interfaces_that_carry_bytes_are_found() -> None:
    descriptors = (
        bytes([18, 1, *bytes(16)])
        + configuration(1, interface(9, 0x81, 0x01))
        + configuration(
            2,
            # Of the kernel's own kinds: a class descriptor, an interrupt endpoint.
            interface(0) + bytes([5, 0x24, 0, 0, 0]) + struct.pack("<BBBBHB", 7, 5, 0x83, 3, 8, 8),
            interface(1, 0x81),
            interface(2, 0x84, 0x05, kind=(0xFE, 3)),
            interface(2, 0x86, 0x07, setting=1),
        )
    )

    assert bulk_interfaces(descriptors, 2) == [BulkInterface(2, usbtmc=True, bulk_in=0x84, bulk_out=0x05)]
    assert [each.number for each in bulk_interfaces(descriptors, 1)] == [9]


@given(st.binary(max_size=200), st.integers(0, 3))
def test_no_descriptors_are_too_strange(descriptors: bytes, value: int) -> None:
    """L6."""
    bulk_interfaces(descriptors, value)


def test_a_message_is_as_the_standard_has_it() -> None:
    """USBTMC 1.0, tables 3 and 4."""
    assert (
        message_out(2, b"*IDN?", end=True).hex(" ")
        == "01 02 fd 00 05 00 00 00 01 00 00 00 2a 49 44 4e 3f 00 00 00"
    )
    assert message_out(255, b"1234", end=False).hex(" ") == "01 ff 00 00 04 00 00 00 00 00 00 00 31 32 33 34"
    assert request_in(3, 1024).hex(" ") == "02 03 fc 00 00 04 00 00 00 00 00 00"


def test_tags_go_from_1_to_255() -> None:
    assert [next_tag(tag) for tag in (0, 1, 254, 255)] == [1, 2, 255, 1]


@given(st.binary(max_size=300), st.data())
def test_an_answer_is_put_together_from_any_pieces(payload: bytes, data: st.DataObject) -> None:
    """L6: whatever transfers it comes in, empty ones and the alignment included."""
    message = struct.pack("<BBBxIBxxx", 2, 7, 248, len(payload), 1) + payload + bytes(-len(payload) % 4)
    cuts = sorted(data.draw(st.lists(st.integers(12, len(message)), max_size=5)))
    response = Response(7)
    received = b""
    for start, end in zip([0, *cuts], [*cuts, len(message)], strict=True):
        assert response.complete is (response.size is not None and len(received) == len(payload))
        received += response.feed(message[start:end])

    assert received == payload
    assert response.complete


@pytest.mark.parametrize("ends", [True, False])
def test_a_response_says_whether_its_message_ends_with_it(ends: bool) -> None:  # noqa: FBT001 - a parameter
    """L3: what has come may not be all of the answer."""
    response = Response(7)
    response.feed(struct.pack("<BBBxIBxxx", 2, 7, 248, 4, ends) + b"23.4")

    assert response.complete
    assert response.ends is ends


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\2\7", "02 07 is shorter than a USBTMC header"),
        (b"\1\7\xf8\0\0\0\0\0\0\0\0\0", "01 07 f8 00 00 00 00 00 00 00 00 00 is no USBTMC header"),
        (b"\2\7\7\0\0\0\0\0\0\0\0\0", "02 07 07 00 00 00 00 00 00 00 00 00 is no USBTMC header"),
        (b"\2\6\xf9\0\0\0\0\0\0\0\0\0", "the device answers request 6, not 7"),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes, sentence: str) -> None:
    """L3."""
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Response(7).feed(data)
