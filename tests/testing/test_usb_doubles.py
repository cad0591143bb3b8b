"""Devices behind USB, as far as nobody has to open them; who does is in tests/transport, under umockdev."""

from __future__ import annotations

import errno
import socket
import struct
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import ConfigError
from labtroupe.simulation import LineDevice, Rack
from labtroupe.testing import DoubleVia, byte_double
from labtroupe.testing._usb import Bed, UsbCable, UsbDevice, _umockdev
from labtroupe.testing._usb._client import Client
from labtroupe.testing._usb._usbfs import answer_ioctl

CLAIM = 15


@attrs.define(eq=False)
class Echo(LineDevice):
    """Says what it hears."""

    def answer(self, request: bytes) -> bytes:
        """Say it."""
        return request


@pytest.fixture
def bed() -> Iterator[Bed]:
    """A bed that no program looks into."""
    # The path of a socket has a hundred bytes at most.
    with tempfile.TemporaryDirectory() as folder:
        bed = Bed(Path(folder))
        yield bed
        bed.close()


@pytest.fixture
def program() -> Iterator[Client]:
    """A program that has a device open."""
    ours, its = socket.socketpair()
    with ours, its:
        yield Client(ours)


@asynccontextmanager
async def racked(
    cable: UsbCable, tmp_path: Path, device: LineDevice | None = None
) -> AsyncGenerator[tuple[Rack, UsbDevice]]:
    """Put a device behind a cable."""
    crashes: list[Exception] = []
    async with Rack(tmp_path, on_crash=lambda _, error: crashes.append(error)).running() as rack:
        rack.add("echo", device or Echo(), via=cable)
        (end,) = cable.bed.devices
        yield rack, end
    assert crashes == []


def send(end: UsbDevice, tag: int, data: bytes) -> None:
    """Send a message (USBTMC 1.0, table 3)."""
    header = struct.pack("<BBBxIBxxx", 1, tag, 255 - tag, len(data), 1)
    message = header + data + bytes(-len(data) % 4)

    assert end.take(message) == len(message)
    end.progress()


@pytest.mark.parametrize("via", ["usb", "usbtmc"])
async def test_without_umockdev_it_says_what_to_do(via: DoubleVia, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_umockdev, "is_under_umockdev", bool)
    with pytest.raises(ConfigError, match="need umockdev's library in this process") as caught:
        async with byte_double(Echo(), via=via):
            pass

    assert caught.value.__notes__ == [caught.value.remedy]
    assert "apt install umockdev" in caught.value.remedy
    assert "umockdev-wrapper pytest" in caught.value.remedy


async def test_a_device_clear_is_the_end_of_what_was_asked(
    bed: Bed, program: Client, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """L2: of half a request, and of an answer that is late."""
    async with racked(UsbCable(bed, usbtmc=True), tmp_path) as (rack, end):
        end.claimed_by = program
        rack.inject("echo", "late", "1s")
        send(end, 1, b"old\nhalf a ")
        await trio.sleep(0.5)
        cleared = end.control(0xA1, 5, 0)
        end.progress()
        send(end, 2, b"new\n")
        await trio.sleep(5)
        unsaid = end.unsaid
        end.take(struct.pack("<BBBxIBxxx", 2, 3, 252, 100, 0))
        answer = end.packet(512)

    assert cleared == b"\1"
    assert unsaid == 4
    assert answer[12:] == b"new\n"


@attrs.define(eq=False)
class Waveform(LineDevice):
    """Says more than there is room for on the way."""

    def answer(self, request: bytes) -> bytes:
        """Say it."""
        return request * 1000


async def test_a_device_clear_is_the_end_of_an_answer_that_is_on_its_way(
    bed: Bed, program: Client, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """L2: nothing of its rest comes into the room that the clear has made."""
    async with racked(UsbCable(bed, usbtmc=True), tmp_path, Waveform()) as (_, end):
        end.claimed_by = program
        left: list[tuple[int, int]] = []
        # Who is told of the clear first, the one who speaks or the one who hears, is left to chance.
        for tag in range(1, 13):
            send(end, tag, b"old wave\n")
            await trio.sleep(1)
            before = end.unsaid
            end.control(0xA1, 5, 0)
            end.progress()
            await trio.sleep(1)
            left.append((before, end.unsaid))

        assert left == [(4096, 0)] * 12


async def test_half_a_transfer_is_not_taken_back_as_it_was_heard(
    bed: Bed, program: Client, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """L4: who has cut it off is left with the clear."""
    async with racked(UsbCable(bed, usbtmc=True), tmp_path) as (_, end):
        end.claimed_by = program
        end.take(struct.pack("<BBBxIBxxx", 1, 7, 248, 8, 1) + b"HEAT")

        assert end.control(0xA2, 1, 7) is None


async def test_a_refused_device_cannot_be_claimed_and_who_has_it_keeps_it(
    bed: Bed, program: Client, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """PLR-11."""
    async with racked(UsbCable(bed, usbtmc=False), tmp_path) as (rack, end):
        before = answer_ioctl(end, program, CLAIM, 0)
        rack.inject("echo", "refuse")
        refused = answer_ioctl(end, program, CLAIM, 0)
        holder = end.claimed_by
        rack.inject("echo", "clear")
        after = answer_ioctl(end, program, CLAIM, 0)

    assert [before, refused, after] == [0, -errno.EBUSY, 0]
    assert holder is program


async def test_what_nobody_reads_fills_a_few_kilobytes(
    bed: Bed, program: Client, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """As in a device; where nobody has it open, nothing is kept."""
    async with racked(UsbCable(bed, usbtmc=False), tmp_path) as (rack, end):
        rack.inject("echo", "flood")
        await trio.sleep(1)
        nobody = end.unsaid
        end.claimed_by = program
        await trio.sleep(10)

        assert (nobody, end.unsaid) == (0, 4096)


async def test_a_cable_is_another_device_each_time_it_is_put_in(
    bed: Bed, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """L8: with another number, in the same place unless it was put in elsewhere, and the same name."""
    cable = UsbCable(bed, usbtmc=True)
    seen: list[tuple[int, str, str]] = []
    async with racked(cable, tmp_path) as (rack, _):
        for fault in ("unplug", "replug"):
            (end,) = bed.devices
            seen.append((end.number, end.location, end.serial_number))
            rack.inject("echo", fault, "1s")
            gone = bed.devices
            await trio.sleep(2)
        (end,) = bed.devices
        seen.append((end.number, end.location, end.serial_number))

    numbers, locations, names = zip(*seen, strict=True)
    assert gone == ()
    assert len(set(numbers)) == 3
    assert locations[0] == locations[1] != locations[2]
    assert len(set(names)) == 1


def test_a_device_that_is_sent_what_none_would_understand_says_so_at_the_end() -> None:
    """Or a transport of its own could be wrong, and no test would fail."""
    with tempfile.TemporaryDirectory() as folder:
        bed = Bed(Path(folder))
        bed.mistakes.append(ValueError("the tag 1 has the complement 1"))
        with pytest.raises(ExceptionGroup, match="USB devices have failed"):
            bed.close()
