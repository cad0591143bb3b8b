"""What only serial ports have: settings, locks, holders, and drivers that hang."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
import trio

from labtroupe.errors import ConfigError, DeviceAbsent, LabtroupeError, LinkError, PortInUse
from labtroupe.transport import Address, SerialAddress, claims, open_transport
from labtroupe.transport import _descriptor as descriptor_module
from labtroupe.transport import _serial as serial_module

from ._peers import Pty, descriptors

TIOCGEXCL = 0x80045440

HOLD = """
import fcntl, sys, time
port = open(sys.argv[1], "rb+", buffering=0)
fcntl.flock(port, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def pty() -> Iterator[Pty]:
    """A serial port with a device at its end."""
    pty = Pty()
    yield pty
    pty.unplug()


@pytest.fixture
def other(pty: Pty) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the port."""
    # No shell and no input: our own interpreter and our own script.
    command = [sys.executable, "-I", "-S", "-c", HOLD, pty.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def is_exclusive(fd: int) -> bool:
    """Return whether the kernel refuses others, root excepted, to open this terminal."""
    (flag,) = struct.unpack("I", fcntl.ioctl(fd, TIOCGEXCL, bytes(4)))
    return bool(flag)


async def test_the_options_reach_the_port(pty: Pty) -> None:
    address = SerialAddress(pty.path, baudrate=19200, stopbits=2, xonxoff=True)
    transport = await open_transport(address, holder="heater")
    watcher = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    iflag, _, cflag, lflag, ispeed, ospeed, cc = termios.tcgetattr(watcher)
    os.close(watcher)
    await transport.aclose()

    assert ispeed == ospeed == termios.B19200
    assert cflag & termios.CSTOPB
    assert iflag & termios.IXON
    assert not lflag & (termios.ICANON | termios.ECHO)
    # So that an empty read means that the device is gone.
    assert cc[termios.VMIN] == 1


async def test_what_arrived_before_is_dropped_at_open(pty: Pty) -> None:
    """L1: an answer to somebody else's question."""
    # Somebody keeps the port open, or else the kernel drops it by itself.
    watcher = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    pty.send(b"23.4\n")
    await trio.sleep(0.02)
    transport = await open_transport(SerialAddress(pty.path), holder="heater")
    await trio.sleep(0.02)
    received = transport.receive_nowait()
    await transport.aclose()
    os.close(watcher)

    assert received == b""


async def test_an_open_port_is_closed_to_others_and_a_closed_one_is_not(pty: Pty) -> None:
    """L9."""
    watcher = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    transport = await open_transport(SerialAddress(pty.path), holder="heater")
    with pytest.raises(BlockingIOError):
        fcntl.flock(watcher, fcntl.LOCK_EX | fcntl.LOCK_NB)
    exclusive = is_exclusive(watcher)
    await transport.aclose()
    fcntl.flock(watcher, fcntl.LOCK_EX | fcntl.LOCK_NB)
    still = is_exclusive(watcher)
    os.close(watcher)

    assert exclusive
    assert not still


async def test_a_port_held_by_another_process_names_it(pty: Pty, other: subprocess.Popen[str]) -> None:
    """L9: pid and command; and a killed holder is no obstacle."""
    with trio.fail_after(2):
        with pytest.raises(PortInUse) as caught:
            await open_transport(SerialAddress(pty.path), holder="heater")
        claimed = claims()
        other.kill()
        other.wait()
        await (await open_transport(SerialAddress(pty.path), holder="heater")).aclose()

    assert str(caught.value).startswith(f"{pty.path} is held by pid {other.pid} ({sys.executable} -I -S -c")
    assert claimed == {}


async def test_a_claimed_port_is_not_touched(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    """PLR-11, L9: even a refused open would toggle its DTR line."""
    transport = await open_transport(SerialAddress(pty.path), holder="heater")
    opened: list[object] = []
    monkeypatch.setattr(serial.Serial, "open", opened.append)
    with pytest.raises(PortInUse, match="is held by heater"):
        await open_transport(SerialAddress(pty.path), holder="pump")
    await transport.aclose()

    assert opened == []


async def test_two_names_of_one_port_are_one_claim(pty: Pty, tmp_path: Path) -> None:
    """L9: such as those under /dev/serial/by-id."""
    link = tmp_path / "usb-FTDI_A6004byf"
    link.symlink_to(pty.path)
    transport = await open_transport(SerialAddress(str(link)), holder="heater")
    with pytest.raises(PortInUse, match="is held by heater"):
        await open_transport(SerialAddress(pty.path), holder="pump")
    listed = claims()
    await transport.aclose()

    assert listed == {pty.path: "heater"}


async def test_what_is_no_port_is_a_mistake_in_the_address(tmp_path: Path) -> None:
    for path in ("/dev/null", str(tmp_path)):
        with pytest.raises(ConfigError, match=f"^{path} is no serial port$"):
            await open_transport(SerialAddress(path), holder="heater")


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (serial.SerialException(errno.ENOENT, "could not open"), DeviceAbsent, "no such device"),
        (termios.error(errno.EIO, "Input/output error"), DeviceAbsent, "no such device"),
        (serial.SerialException(errno.EACCES, "could not open"), LinkError, "may not be opened by this user"),
        (serial.SerialException(errno.EBUSY, "could not open"), PortInUse, "is held by a process that"),
        (ValueError("Failed to set custom baud rate"), ConfigError, "the port cannot do this"),
        (OSError(errno.EPROTO, "Protocol error"), LinkError, "cannot open .*Protocol error"),
    ],
)
async def test_what_pyserial_raises_becomes_ours(
    pty: Pty, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[LabtroupeError], sentence: str
) -> None:
    def refuse(_: serial.Serial) -> None:
        raise error

    monkeypatch.setattr(serial.Serial, "open", refuse)
    with pytest.raises(kind, match=sentence) as caught:
        await open_transport(SerialAddress(pty.path), holder="heater")

    assert type(caught.value) is kind
    assert caught.value.__cause__ is error


async def test_who_may_not_open_a_port_is_told_which_group_may(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: serial.Serial) -> None:
        raise serial.SerialException(errno.EACCES, "could not open")

    monkeypatch.setattr(serial.Serial, "open", refuse)
    with pytest.raises(LinkError) as caught:
        await open_transport(SerialAddress(pty.path), holder="heater")

    group = Path(pty.path).group()  # noqa: ASYNC240 - of a device, not of a disk
    expected = "dialout" if group == "root" else group
    assert caught.value.remedy.startswith(f"Join the group that may: `sudo usermod -aG {expected} ")


async def wait_unclaimed() -> None:
    """Wait until a thread has given up its claim."""
    with trio.fail_after(1):
        while claims():  # noqa: ASYNC110 - nobody is told
            await trio.sleep(0.01)


def slow_open(before: Callable[[], object]) -> Callable[[serial.Serial], None]:
    """Return pyserial's open behind a driver that takes its time."""
    original = serial.Serial.open

    def open_slowly(port: serial.Serial) -> None:
        before()
        original(port)

    return open_slowly


async def test_an_open_cancelled_half_way_has_closed_the_port(
    pty: Pty, other_lock: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLR-10: before the cancellation reaches the caller."""
    monkeypatch.setattr(serial.Serial, "open", slow_open(lambda: time.sleep(0.1)))
    with trio.move_on_after(0.02) as scope:
        await open_transport(SerialAddress(pty.path), holder="heater")

    assert scope.cancelled_caught
    assert claims() == {}
    other_lock()


@pytest.fixture
def other_lock(pty: Pty) -> Iterator[Callable[[], None]]:
    """Take the port's lock as another program would; fails if somebody has it."""
    watcher = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    yield lambda: fcntl.flock(watcher, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(watcher)


async def test_an_open_that_hangs_keeps_its_claim_but_not_its_caller(
    pty: Pty, other_lock: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P16, R13, PLR-10: the port is closed when the open comes back."""
    go_on = threading.Event()
    monkeypatch.setattr(serial.Serial, "open", slow_open(lambda: go_on.wait(5)))
    started = trio.current_time()
    with trio.move_on_after(0.02):
        await open_transport(SerialAddress(pty.path), holder="heater")
    elapsed = trio.current_time() - started
    claimed = claims()
    go_on.set()
    await wait_unclaimed()

    assert elapsed < 0.5
    assert claimed == {pty.path: "heater"}
    other_lock()


async def test_a_close_that_hangs_keeps_its_claim_but_not_its_caller(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S2, R13."""
    go_on = threading.Event()
    original = serial_module._close_port

    def close_slowly(fd: int) -> None:
        go_on.wait(5)
        original(fd)

    monkeypatch.setattr(serial_module, "_close_port", close_slowly)
    monkeypatch.setattr(descriptor_module, "_CLOSE_LIMIT", 0.05)
    transport = await open_transport(SerialAddress(pty.path), holder="heater")
    started = trio.current_time()
    await transport.aclose()
    elapsed = trio.current_time() - started
    claimed = claims()
    go_on.set()
    await wait_unclaimed()

    assert elapsed < 0.5
    assert claimed == {pty.path: "heater"}


async def test_a_port_takes_one_descriptor(pty: Pty) -> None:
    """PLR-13: pyserial alone takes five, and many systems allow a process 1024."""
    before = descriptors()
    transport = await open_transport(Address.parse(pty.address), holder="heater")
    after = descriptors()
    await transport.aclose()

    assert after == before + 1
