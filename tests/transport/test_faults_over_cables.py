"""What the fault menu says of a cable holds for each kind of cable; those on USB by test_umockdev.py."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

import attrs
import pytest
import trio

from labtroupe.errors import DeviceAbsent, LinkLost, PortInUse
from labtroupe.ports import usb_devices
from labtroupe.simulation import LineDevice
from labtroupe.testing import ByteDouble, DoubleVia, byte_double
from labtroupe.testing._usb import is_under_umockdev
from labtroupe.transport import Transport

USB: Final[list[DoubleVia]] = ["usb", "usbtmc"]
OTHERS: Final[list[DoubleVia]] = ["memory", "pty", "tcp"]


@attrs.define(eq=False)
class Counter(LineDevice):
    """Counts its requests, and forgets them with its power."""

    count: int = attrs.field(init=False)

    def power_on(self) -> None:
        """Forget."""
        self.count = 0

    def answer(self, request: bytes) -> bytes:
        """Count."""
        self.count += 1
        return b"%d %b" % (self.count, request)


@pytest.fixture(params=USB if is_under_umockdev() else OTHERS)
async def double(request: pytest.FixtureRequest) -> AsyncGenerator[ByteDouble[Counter]]:
    """A device behind each kind of cable."""
    via: DoubleVia = request.param
    async with byte_double(Counter(latency=0), via=via) as double:
        yield double


@contextlib.asynccontextmanager
async def opened(double: ByteDouble[Counter]) -> AsyncGenerator[Transport]:
    """Open it, and bound the test."""
    with trio.fail_after(5):
        async with contextlib.aclosing(await double.open()) as transport:
            yield transport


async def ask(transport: Transport, request: bytes, count: int = 0) -> bytes:
    """Return what comes for a line: so many bytes, or up to the end of a line."""
    await transport.send(request + b"\n")
    answer = b""
    while len(answer) < count if count else not answer.endswith(b"\n"):
        answer += await transport.receive()
    return answer


async def receive_until_lost(transport: Transport) -> bytes:
    """Return what comes before the link is lost."""
    received = b""
    with contextlib.suppress(LinkLost):
        while True:
            received += await transport.receive()
    return received


async def test_an_unplugged_cable_is_out_and_the_device_goes_on(double: ByteDouble[Counter]) -> None:
    """L7."""
    async with opened(double) as transport:
        assert await ask(transport, b"?") == b"1 ?\n"
        double.inject("unplug")
        with pytest.raises(LinkLost):
            await transport.receive()
    with pytest.raises(DeviceAbsent):
        await double.open()
    double.inject("plug")
    async with opened(double) as transport:
        assert await ask(transport, b"?") == b"2 ?\n"


async def test_a_cable_may_be_out_in_the_middle_of_an_answer(double: ByteDouble[Counter]) -> None:
    """L7: with it a serial port forgets what nobody has read, and USBTMC what nobody has fetched."""
    async with opened(double) as transport:
        double.inject("unplug", "said=3")
        await transport.send(b"?\n")
        received = await receive_until_lost(transport)

    forgetful = double.address.startswith(("serial:", "usb:")) and "raw" not in double.address
    assert received == b"1 ?" or (forgetful and not received)
    assert double.device.count == 1


async def test_a_replugged_cable_has_the_same_address(double: ByteDouble[Counter]) -> None:
    """L8: whatever it is to the system; on USB it has another number, and is elsewhere."""
    before = usb_devices() if is_under_umockdev() else ()
    async with opened(double) as transport:
        await ask(transport, b"?")
        double.inject("replug", "20ms")
        with pytest.raises(LinkLost):
            await transport.receive()
    await trio.sleep(0.1)
    async with opened(double) as transport:
        assert await ask(transport, b"?") == b"2 ?\n"

    for old, new in zip(before, usb_devices() if before else (), strict=True):
        assert new.path != old.path
        assert new.identity.location != old.identity.location
        assert new.identity.serial_number == old.identity.serial_number


async def test_a_device_that_was_switched_off_has_forgotten(double: ByteDouble[Counter]) -> None:
    """PLR-8: also half a command."""
    async with opened(double) as transport:
        await ask(transport, b"?")
        double.inject("power-cycle", "20ms", "heard=2")
        with pytest.raises(LinkLost):
            await ask(transport, b"12345")
    await trio.sleep(0.1)
    async with opened(double) as transport:
        assert await ask(transport, b"?") == b"1 ?\n"


async def test_a_refused_port_is_somebody_elses(double: ByteDouble[Counter]) -> None:
    """PLR-11: to who connects; who has it open keeps it.  A network's port cannot say so, and hangs up."""
    async with opened(double) as transport:
        double.inject("refuse")
        assert await ask(transport, b"?") == b"1 ?\n"
    with pytest.raises((PortInUse, LinkLost)) as caught:
        async with opened(double) as transport:
            await transport.receive()
    double.inject("clear")
    async with opened(double) as transport:
        assert await ask(transport, b"?") == b"2 ?\n"

    assert caught.type is (LinkLost if double.address.startswith("tcp") else PortInUse)


async def test_a_mute_device_acts(double: ByteDouble[Counter]) -> None:
    async with opened(double) as transport:
        double.inject("mute", "times=1")
        with trio.move_on_after(0.05) as silence:
            await ask(transport, b"?")

        assert silence.cancelled_caught
        assert await ask(transport, b"?") == b"2 ?\n"


async def test_a_late_answer_is_late(double: ByteDouble[Counter]) -> None:
    async with opened(double) as transport:
        double.inject("late", "50ms")
        started = trio.current_time()
        await ask(transport, b"?")

        assert 0.05 <= trio.current_time() - started < 0.5


async def test_a_split_answer_comes_in_pieces(double: ByteDouble[Counter]) -> None:
    async with opened(double) as transport:
        double.inject("split", "10ms")
        await transport.send(b"?\n")
        started = trio.current_time()
        pieces = [await transport.receive()]
        while not pieces[-1].endswith(b"\n"):
            pieces.append(await transport.receive())
        elapsed = trio.current_time() - started

    assert b"".join(pieces) == b"1 ?\n"
    assert len(pieces) > 1
    assert elapsed >= 0.025


async def test_what_is_done_to_answers_is_done_behind_every_cable(double: ByteDouble[Counter]) -> None:
    async with opened(double) as transport:
        double.inject("duplicate", "times=1")
        twice = await ask(transport, b"?", 8)
        double.inject("noise", "times=1")
        noisy = await ask(transport, b"?")
        double.inject("garbled", "times=1")
        garbled = await ask(transport, b"?", 4)
        double.inject("echo")
        echoed = await ask(transport, b"?", 6)

    assert twice == b"1 ?\n1 ?\n"
    assert noisy.endswith(b"2 ?\n")
    assert len(noisy) > 4
    assert sum(a != b for a, b in zip(garbled, b"3 ?\n", strict=True)) == 1
    assert echoed == b"?\n4 ?\n"


async def test_a_flood_has_no_end(double: ByteDouble[Counter]) -> None:
    async with opened(double) as transport:
        double.inject("flood")
        received = b""
        while len(received) < 1000:
            received += await transport.receive()
        double.inject("clear")

    assert max(received) >= 0x80


async def test_a_device_takes_one_byte_after_the_other(double: ByteDouble[Counter]) -> None:
    async with opened(double) as transport:
        double.inject("slow-drain", "10ms")
        started = trio.current_time()
        answer = await ask(transport, b"12345")
        elapsed = trio.current_time() - started

    assert answer == b"1 12345\n"
    assert 0.06 <= elapsed < 1
