"""Devices that are plugged in while somebody waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from labtroupe.transport import Address, SerialAddress, wait_appears
from labtroupe.transport import _hotplug as hotplug_module

from ._peers import Pty

EVENT = Path("/sys/class/mem/null/uevent")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often."""
    monkeypatch.setattr(hotplug_module, "_POLL", 0.05)
    monkeypatch.setattr(hotplug_module, "_SETTLE", 0.01)


@pytest.fixture
def pty() -> Iterator[Pty]:
    """A serial port."""
    pty = Pty()
    yield pty
    pty.unplug()


async def appears(address: Address, within: float) -> bool:
    """Return whether a device appears in time."""
    with trio.move_on_after(within) as scope:
        await wait_appears(address)
    return not scope.cancelled_caught


async def test_a_device_that_is_plugged_in_is_noticed(pty: Pty, tmp_path: Path) -> None:
    """S7, L12: so that a pause can be cut short."""
    link = tmp_path / "usb-FTDI_A6004byf"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_appears, SerialAddress(str(link)))
        await trio.sleep(0.15)
        before = len(nursery.child_tasks)
        link.symlink_to(pty.path)
        with trio.fail_after(1):
            while nursery.child_tasks:  # noqa: ASYNC110 - it ends by itself
                await trio.sleep(0.01)

    assert before == 1


async def test_one_that_is_there_all_the_time_does_not_appear(pty: Pty) -> None:
    """S7: its trouble is another, and no reason to hurry."""
    assert not await appears(SerialAddress(pty.path), 0.3)


async def test_one_that_goes_and_returns_appears(pty: Pty, tmp_path: Path) -> None:
    """L12."""
    link = tmp_path / "usb-FTDI_A6004byf"
    link.symlink_to(pty.path)
    appeared: list[bool] = []

    async def wait() -> None:
        appeared.append(await appears(SerialAddress(str(link)), 2))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(0.15)
        link.unlink()
        await trio.sleep(0.15)
        link.symlink_to(pty.path)

    assert appeared == [True]


async def test_a_device_is_noticed_by_who_it_is(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    """L12: under whatever path; and one list is made for all who wait."""
    found: list[ListPortInfo] = []
    looks = 0

    def comports() -> list[ListPortInfo]:
        nonlocal looks
        looks += 1
        return list(found)

    monkeypatch.setattr(list_ports, "comports", comports)
    info = ListPortInfo(pty.path, skip_link_detection=True)
    info.serial_number = "A6004byf"
    async with trio.open_nursery() as nursery:
        for baudrate in range(1000, 1100):
            nursery.start_soon(wait_appears, SerialAddress("", serial_number="A6004byf", baudrate=baudrate))
        await trio.sleep(0.2)
        found.append(info)
        nursery.cancel_scope.deadline = trio.current_time() + 2

    assert not nursery.cancel_scope.cancelled_caught
    assert looks < 20


async def test_one_that_may_not_be_opened_yet_has_not_appeared(
    pty: Pty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7: udev gives rights up to a second after the kernel has made the node."""
    allowed = False

    def access(_: str, __: int) -> bool:
        return allowed

    monkeypatch.setattr("os.access", access)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_appears, SerialAddress(pty.path))
        await trio.sleep(0.2)
        before = len(nursery.child_tasks)
        allowed = True
        nursery.cancel_scope.deadline = trio.current_time() + 1

    assert before == 1
    assert not nursery.cancel_scope.cancelled_caught


@pytest.mark.parametrize("text", ["tcp://127.0.0.1:5025", "process:cat"])
async def test_what_only_an_opening_can_tell_never_appears(text: str) -> None:
    assert not await appears(Address.parse(text), 0.2)


async def test_nobody_looks_when_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """P19: the watcher ends with the last who waits."""
    looked: list[str] = []

    def access(path: str, _: int) -> bool:
        looked.append(path)
        return False

    monkeypatch.setattr("os.access", access)
    await appears(SerialAddress("/dev/no-such-port"), 0.2)
    await trio.sleep(0.1)
    before = len(looked)
    await trio.sleep(0.2)

    assert before > 0
    assert len(looked) == before


@pytest.fixture
def kernel_says_something() -> Callable[[], object]:
    """Let the kernel say that a device has changed."""

    def say() -> None:
        EVENT.write_text("change\n")

    try:
        say()
    except OSError:
        pytest.skip("only root, and not in every container, can let the kernel say something")
    return say


async def test_an_event_of_the_kernel_makes_it_look_at_once(
    pty: Pty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_says_something: Callable[[], object]
) -> None:
    """S7, L7: the next look would be a minute away."""
    link = tmp_path / "usb-FTDI_A6004byf"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_appears, SerialAddress(str(link)))
        await trio.sleep(0.1)
        monkeypatch.setattr(hotplug_module, "_POLL", 60)
        await trio.sleep(0.1)
        link.symlink_to(pty.path)
        kernel_says_something()
        nursery.cancel_scope.deadline = trio.current_time() + 1

    assert not nursery.cancel_scope.cancelled_caught
