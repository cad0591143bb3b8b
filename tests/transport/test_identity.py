"""Devices that are found by who they are, under whatever path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from labtroupe.errors import ConfigError, DeviceAbsent, LinkError, PortInUse
from labtroupe.ports import Identity, serial_ports
from labtroupe.transport import Address, claims, open_transport

from ._peers import Pty

ADDRESS = Address.parse("serial:?vid=0403&serial_number=A6004byf")


def plugged(path: str, serial_number: str | None = "A6004byf", location: str = "1-2.3") -> ListPortInfo:
    """Return a port as pyserial describes it."""
    info = ListPortInfo(path, skip_link_detection=True)
    info.vid, info.pid, info.serial_number, info.location = 0x0403, 0x6011, serial_number, location
    return info


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[ListPortInfo]:
    """What is plugged in."""
    found: list[ListPortInfo] = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(found))
    return found


@pytest.fixture
def ptys() -> Iterator[tuple[Pty, Pty]]:
    """Two serial ports with a device at the end of each."""
    pair = Pty(), Pty()
    yield pair
    for pty in pair:
        pty.unplug()


async def test_a_device_is_found_under_the_path_it_has_now(
    ports: list[ListPortInfo], ptys: tuple[Pty, Pty]
) -> None:
    """L12: looked up at each open, so it may return under another name."""
    paths: list[str] = []
    for pty in ptys:
        ports[:] = [plugged("/dev/ttyUSB7", "B7"), plugged(pty.path)]
        transport = await open_transport(ADDRESS, holder="heater")
        paths += claims()
        pty.send(b"23.4\n")
        with trio.fail_after(1):
            received = await transport.receive()
        await transport.aclose()

        assert received == b"23.4\n"
        assert transport.address == ADDRESS

    assert paths == [pty.path for pty in ptys]


async def test_an_identity_and_the_path_of_it_are_one_claim(
    ports: list[ListPortInfo], ptys: tuple[Pty, Pty]
) -> None:
    """L9."""
    ports[:] = [plugged(ptys[0].path)]
    transport = await open_transport(ADDRESS, holder="heater")
    with pytest.raises(PortInUse, match="is held by heater"):
        await open_transport(Address.parse(f"serial:{ptys[0].path}"), holder="pump")
    await transport.aclose()


async def test_nobody_of_that_identity_is_an_absent_device(ports: list[ListPortInfo]) -> None:
    ports[:] = [plugged("/dev/ttyUSB7", "B7"), plugged("/dev/ttyUSB8", None)]
    sentence = r"^serial:\?vid=0403&serial_number=A6004byf: no such device$"
    with pytest.raises(DeviceAbsent, match=sentence):
        await open_transport(ADDRESS, holder="heater")

    assert claims() == {}


async def test_two_of_one_identity_are_not_chosen_between(ports: list[ListPortInfo]) -> None:
    """L8: never the wrong device."""
    ports[:] = [plugged("/dev/ttyUSB0"), plugged("/dev/ttyUSB1")]
    with pytest.raises(ConfigError, match=r"there are 2 such devices: /dev/ttyUSB0, /dev/ttyUSB1$"):
        await open_transport(ADDRESS, holder="heater")

    assert claims() == {}


def test_one_of_several_ports_of_an_adapter_is_told_by_its_interface(ports: list[ListPortInfo]) -> None:
    ports[:] = [plugged(f"/dev/ttyUSB{number}", location=f"1-2.3:1.{number}") for number in range(4)]
    address = Address.parse("serial:?serial_number=A6004byf&interface=2")

    assert address.resource() == "/dev/ttyUSB2"


def test_one_without_a_serial_number_is_told_by_where_it_is(ports: list[ListPortInfo]) -> None:
    ports[:] = [plugged("/dev/ttyUSB0", None, "1-2"), plugged("/dev/ttyUSB1", None, "1-3")]

    assert Address.parse("serial:?location=1-3&baudrate=4800").resource() == "/dev/ttyUSB1"


def test_who_is_not_there_is_one_resource_however_it_is_spoken_to(ports: list[ListPortInfo]) -> None:
    """L9: a bench's file can name it twice by mistake while it is away."""
    address = Address.parse("serial:?serial_number=A6004byf&vid=0403&baudrate=4800")

    assert address.resource() == ADDRESS.resource() == "serial:?vid=0403&serial_number=A6004byf"


async def test_a_link_by_id_is_followed_at_each_open(ptys: tuple[Pty, Pty], tmp_path: Path) -> None:
    """L12: udev moves it when the device returns under another path."""
    link = tmp_path / "usb-FTDI_FT232R_A6004byf-if00-port0"
    held: list[str] = []
    for pty in ptys:
        link.unlink(missing_ok=True)
        link.symlink_to(pty.path)
        transport = await open_transport(Address.parse(f"serial:{link}"), holder="heater")
        held += claims()
        await transport.aclose()

    assert held == [pty.path for pty in ptys]


def test_a_device_that_vanishes_in_mid_list_begins_the_list_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """PLR-1: pyserial raises a TypeError then."""
    tries = iter(range(3))

    def comports() -> list[ListPortInfo]:
        if next(tries) < 2:
            raise TypeError("int() can't convert non-string with explicit base")
        return [plugged("/dev/ttyUSB0")]

    monkeypatch.setattr(list_ports, "comports", comports)
    identity = Identity(vid="0403", pid="6011", serial_number="A6004byf", location="1-2.3")

    assert [port.identity for port in serial_ports()] == [identity]


async def test_a_list_that_never_comes_to_rest_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def comports() -> list[ListPortInfo]:
        raise TypeError("int() can't convert")

    monkeypatch.setattr(list_ports, "comports", comports)
    with pytest.raises(LinkError, match="change faster than they can be listed"):
        serial_ports()
    with pytest.raises(LinkError, match="change faster than they can be listed"):
        await open_transport(ADDRESS, holder="heater")

    assert ADDRESS.resource() == str(ADDRESS)
    assert claims() == {}
