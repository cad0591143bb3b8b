"""``labtroupe ports``, with made-up ports; real ones are in the transport's tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from labtroupe.ports import _usb_devices

from ._benches import Program
from .conftest import Shell


@pytest.fixture(autouse=True)
def plugged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[ListPortInfo]:
    """The serial ports of a machine without any, and without USB devices."""
    found: list[ListPortInfo] = []
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    monkeypatch.setattr(_usb_devices, "_DEVICES", str(tmp_path / "usb"))
    return found


@pytest.fixture
def adapter(plugged: list[ListPortInfo]) -> Iterator[ListPortInfo]:
    """An adapter with two ports; the second is really a pseudo-terminal, which this process has open."""
    device, port = os.openpty()
    for number, path in enumerate(("/dev/ttyUSB10", os.ttyname(port))):
        info = ListPortInfo(path, skip_link_detection=True)
        info.vid, info.pid, info.serial_number, info.description = 0x0403, 0x6010, "A6004byf", "Dual RS232"
        info.location = f"1-2.3:1.{number}"
        plugged.insert(0, info)
    yield plugged[0]
    os.close(device)
    os.close(port)


def plug_usb(folder: Path, **attributes: str) -> None:
    """Describe a USB device as Linux does."""
    folder.mkdir(parents=True)
    for name, value in {"bDeviceClass": "00", "busnum": "1", **attributes}.items():
        (folder / name).write_text(f"{value}\n")


def test_a_machine_without_ports_says_so(shell: Shell) -> None:
    assert shell("ports").out == "no serial ports and no USB devices\n"
    assert shell("ports", "-o", "json").out == "[]\n"
    assert shell("ports", "-o", "jsonl").out == ""


def test_a_serial_port_has_an_address_by_identity_and_its_holders(
    shell: Shell, adapter: ListPortInfo
) -> None:
    """L9: whoever it is, by pid and command."""
    result = shell("ports", "-o", "json")
    first, second = json.loads(result.out)

    assert result.code == 0
    assert first["path"] == adapter.device
    assert first["kind"] == "serial"
    assert first["address"] == "serial:?vid=0403&pid=6010&serial_number=A6004byf&interface=1"
    assert first["description"] == "Dual RS232"
    assert first["identity"]["location"] == "1-2.3"
    assert os.getpid() in [holder["pid"] for holder in first["holders"]]
    assert first["bench"] == ""
    assert (second["path"], second["holders"]) == ("/dev/ttyUSB10", [])


def test_the_table_has_a_line_for_each(shell: Shell, adapter: ListPortInfo) -> None:
    heads, *lines = shell("ports").out.splitlines()

    assert heads.split() == ["port", "address", "bench", "holder", "description"]
    assert lines[0].startswith(f"{adapter.device}  ")
    assert f"pid {os.getpid()} (" in lines[0]
    assert lines[1].split() == [
        "/dev/ttyUSB10",
        "serial:?vid=0403&pid=6010&serial_number=A6004byf&interface=0",
        "Dual",
        "RS232",
    ]


def target(descriptor: Path) -> str:
    """Return the terminal that is open; empty if it is none, or has been closed meanwhile."""
    with suppress(FileNotFoundError):
        link = descriptor.readlink()
        return str(link) if link.is_relative_to("/dev/pts") else ""
    return ""


def test_a_port_that_a_bench_holds_names_the_bench(
    shell: Shell, bench: Program, plugged: list[ListPortInfo]
) -> None:
    """L9."""
    bench.wait_for(r"of \d connected")
    paths = sorted({link for link in map(target, Path(f"/proc/{bench.process.pid}/fd").iterdir()) if link})
    plugged.extend(ListPortInfo(path, skip_link_detection=True) for path in paths)
    found = [json.loads(line) for line in shell("ports", "-o", "jsonl").out.splitlines()]

    assert found
    assert {each["bench"] for each in found} == {"one"}


@pytest.mark.parametrize(
    ("number", "location", "address"),
    [
        (None, "1-4", "serial:?vid=0403&pid=6010&location=1-4"),
        ("a&b", "1-4", "serial:?vid=0403&pid=6010&location=1-4"),
        ("A B", "1-4", "serial:?vid=0403&pid=6010&serial_number=A B"),
    ],
)
def test_without_a_serial_number_it_is_told_by_where_it_is(
    shell: Shell, plugged: list[ListPortInfo], number: str | None, location: str, address: str
) -> None:
    info = ListPortInfo("/dev/ttyACM0", skip_link_detection=True)
    info.vid, info.pid, info.serial_number, info.location = 0x0403, 0x6010, number, location
    plugged.append(info)

    assert json.loads(shell("ports", "-o", "jsonl").out)["address"] == address


def test_a_port_that_is_not_on_usb_has_its_path(shell: Shell, plugged: list[ListPortInfo]) -> None:
    plugged.append(ListPortInfo("/dev/ttyS0", skip_link_detection=True))

    assert json.loads(shell("ports", "-o", "jsonl").out)["address"] == "serial:/dev/ttyS0"


def test_usb_devices_are_listed_save_hubs(shell: Shell, tmp_path: Path) -> None:
    scope = {"idVendor": "1ab1", "idProduct": "04ce", "devnum": "7"}
    plug_usb(tmp_path / "usb/1-1", **scope, serial="DS1ZA1", manufacturer="Rigol", product="DS1104Z")
    plug_usb(tmp_path / "usb/1-2", **scope)
    plug_usb(tmp_path / "usb/usb1", idVendor="1d6b", idProduct="0002", devnum="1", bDeviceClass="09")
    plug_usb(tmp_path / "usb/1-1:1.0", bInterfaceNumber="00")
    # One that is being unplugged.
    plug_usb(tmp_path / "usb/1-3", idVendor="1ab1")
    found = [json.loads(line) for line in shell("ports", "-o", "jsonl").out.splitlines()]

    assert [(each["path"], each["address"], each["description"]) for each in found] == [
        ("/dev/bus/usb/001/007", "usb://1ab1:04ce/DS1ZA1", "Rigol DS1104Z"),
        ("/dev/bus/usb/001/007", "usb://1ab1:04ce?location=1-2", ""),
    ]


def test_what_a_device_calls_itself_does_nothing_to_the_terminal(
    shell: Shell, plugged: list[ListPortInfo]
) -> None:
    info = ListPortInfo("/dev/ttyACM0", skip_link_detection=True)
    info.description = "\x1b[2Jgone"
    plugged.append(info)

    assert r"\x1b[2Jgone" in shell("ports").out


def test_it_starts_without_trio() -> None:
    script = "import sys, labtroupe.cli._ports; print('trio' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours

    assert result.stdout == "False\n"
