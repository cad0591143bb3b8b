"""What every transport keeps to, whatever it is made of."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Generator

import pytest
import trio
import trio.testing

from labtroupe.errors import DeviceAbsent, LinkLost, PortInUse
from labtroupe.testing._usb import is_under_umockdev
from labtroupe.transport import Address, Transport, claims, open_transport

from ._peers import PEERS, Peer, descriptors
from ._usb_peers import SlicedUsbDouble, SlicedUsbtmcDouble, UsbDouble, UsbtmcDouble

ALL_BYTES = bytes(range(256))


# USB needs umockdev around the whole process: see test_umockdev.py.
USB: list[type[Peer]] = [UsbDouble, UsbtmcDouble, SlicedUsbDouble, SlicedUsbtmcDouble]
KINDS = USB if is_under_umockdev() else PEERS


@pytest.fixture(params=KINDS, ids=[kind.__name__ for kind in KINDS])
async def peer(request: pytest.FixtureRequest) -> AsyncGenerator[Peer]:
    """Run the test against each kind of far end."""
    kind: type[Peer] = request.param
    async with kind().running() as peer:
        yield peer


@contextlib.asynccontextmanager
async def opened(peer: Peer) -> AsyncGenerator[Transport, None]:
    """Open a transport to the peer and bound the test."""
    with trio.fail_after(10):
        transport = await open_transport(Address.parse(peer.address), holder="heater")
        try:
            await peer.attach()
            yield transport
        finally:
            await transport.aclose()


async def receive_exactly(transport: Transport, count: int) -> bytes:
    """Return the next ``count`` bytes."""
    received = b""
    while len(received) < count:
        received += await transport.receive()
    return received


@contextlib.contextmanager
def within(seconds: float) -> Generator[None, None, None]:
    """Assert that the body takes less than that."""
    started = trio.current_time()
    yield
    assert trio.current_time() - started < seconds


async def test_bytes_pass_unchanged_both_ways(peer: Peer) -> None:
    async with opened(peer) as transport:
        await transport.send(ALL_BYTES)
        peer.send(ALL_BYTES)

        assert await peer.receive_at_least(256) == ALL_BYTES
        assert await receive_exactly(transport, 256) == ALL_BYTES


async def test_it_knows_its_address(peer: Peer) -> None:
    async with opened(peer) as transport:
        assert str(transport.address) == peer.address


async def test_a_receive_that_has_to_wait_keeps_its_deadline(peer: Peer) -> None:
    async with opened(peer) as transport:
        started = trio.current_time()
        with trio.move_on_after(0.1) as scope:
            await transport.receive()

        assert scope.cancelled_caught
        assert 0.1 <= trio.current_time() - started < 0.2


async def test_receive_nowait_takes_what_is_there(peer: Peer) -> None:
    """L1: so can a link see input that was waiting before its request."""
    if not peer.speaks_unasked:
        pytest.skip("it only says what it is asked for")
    async with opened(peer) as transport:
        nothing = transport.receive_nowait()
        peer.send(b"late")
        with trio.fail_after(5):
            while not (late := transport.receive_nowait()):  # noqa: ASYNC110 - nobody would set it
                await trio.sleep(0.01)

        assert nothing == b""
        assert late == b"late"
        assert transport.receive_nowait() == b""


async def test_a_cancelled_receive_loses_no_byte(peer: Peer) -> None:
    """L6: 200 receives are cancelled around the moment that their byte arrives."""
    received = bytearray()
    cancelled = 0

    async def send_and_cancel(scope: trio.CancelScope, number: int) -> None:
        peer.send(bytes([number]))
        for _ in range(number % 5):
            await trio.lowlevel.checkpoint()
        scope.cancel()

    async with opened(peer) as transport, trio.open_nursery() as nursery:
        for number in range(200):
            with trio.CancelScope() as scope:
                nursery.start_soon(send_and_cancel, scope, number)
                received += await transport.receive()
            cancelled += scope.cancelled_caught
            received += await receive_exactly(transport, number + 1 - len(received))

    assert received == bytes(range(200))
    # By chance: trio decides who of two goes first in a tick.
    assert cancelled > 5


async def test_a_send_cancelled_beforehand_sends_nothing(peer: Peer) -> None:
    """R3: so that it provably was not sent."""
    async with opened(peer) as transport:
        with trio.CancelScope() as scope:
            scope.cancel()
            await transport.send(b"HEAT 40\n")
        await trio.sleep(0.05)

        assert peer.receive_nowait() == b""


async def test_an_unplug_ends_a_waiting_receive_at_once(peer: Peer) -> None:
    """L7."""
    async with opened(peer) as transport, trio.open_nursery() as nursery:

        async def wait_lost() -> None:
            with pytest.raises(LinkLost, match=r"^(serial|tcp|usb|process|memory):.*: the "):
                await transport.receive()

        nursery.start_soon(wait_lost)
        await trio.testing.wait_all_tasks_blocked()
        peer.unplug()
        with within(0.1):
            while nursery.child_tasks:
                await trio.lowlevel.checkpoint()


async def test_it_hears_what_nobody_has_asked_for(peer: Peer) -> None:
    """L7: and if the device says nothing by itself, at least that it goes."""
    async with opened(peer) as transport:
        if peer.speaks_unasked:
            peer.send(b"!door\n")
            assert await transport.receive_unasked() == b"!door\n"
        peer.unplug()
        with within(0.1), pytest.raises(LinkLost):
            await transport.receive_unasked()


async def test_an_unplug_ends_a_waiting_send_at_once(peer: Peer) -> None:
    """L7."""
    async with opened(peer) as transport, trio.open_nursery() as nursery:

        async def wait_lost() -> None:
            with pytest.raises(LinkLost):
                await transport.send(bytes(peer.flood))

        peer.stall()
        nursery.start_soon(wait_lost)
        await trio.sleep(0.05)
        peer.unplug()
        with within(0.1):
            while nursery.child_tasks:
                await trio.lowlevel.checkpoint()
            # Although there is unsent output.
            await transport.aclose()


async def test_every_method_reports_a_lost_link(peer: Peer) -> None:
    """L7: a broken connection is always `LinkLost`, and never an endless empty answer."""

    async def receive_until_lost(transport: Transport) -> None:
        while True:
            assert transport.receive_nowait() == b""
            await trio.sleep(0.001)

    async def send_until_lost(transport: Transport) -> None:
        # The first bytes after a TCP peer has closed go out; the answer is that it has gone.
        while True:
            await transport.send(b"T?\n")
            await trio.sleep(0.001)

    async with opened(peer) as transport:
        peer.unplug()
        with within(0.1), pytest.raises(LinkLost):
            await receive_until_lost(transport)
        with within(0.1), pytest.raises(LinkLost):
            await transport.receive()
        with within(0.1), pytest.raises(LinkLost):
            await send_until_lost(transport)


async def test_waiting_takes_no_processor_time(peer: Peer) -> None:
    """L7: neither for input, nor for room, nor after an unplug."""
    async with opened(peer) as transport, trio.open_nursery() as nursery:

        async def receive() -> None:
            with contextlib.suppress(LinkLost):
                await transport.receive()

        async def send() -> None:
            with contextlib.suppress(LinkLost):
                await transport.send(bytes(peer.flood))

        peer.stall()
        nursery.start_soon(receive)
        nursery.start_soon(send)
        await trio.sleep(0.05)
        before = time.thread_time()
        await trio.sleep(0.1)
        peer.unplug()
        await trio.sleep(0.1)

        assert time.thread_time() - before < 0.02


async def test_closing_wakes_who_waits(peer: Peer) -> None:
    transport_closed = 0
    async with opened(peer) as transport, trio.open_nursery() as nursery:

        async def receive() -> None:
            nonlocal transport_closed
            with pytest.raises(trio.ClosedResourceError):
                await transport.receive()
            transport_closed += 1

        async def send() -> None:
            nonlocal transport_closed
            with pytest.raises(trio.ClosedResourceError):
                await transport.send(bytes(peer.flood))
            transport_closed += 1

        peer.stall()
        nursery.start_soon(receive)
        nursery.start_soon(send)
        await trio.sleep(0.05)
        with trio.CancelScope() as scope:
            scope.cancel()
            await transport.aclose()

    assert transport_closed == 2


async def test_closing_is_bounded_when_the_device_takes_nothing(peer: Peer) -> None:
    """S2."""
    async with opened(peer) as transport:
        peer.stall()
        with trio.move_on_after(0.05):
            await transport.send(bytes(peer.flood))
        with within(1):
            await transport.aclose()


async def test_closing_lets_the_last_command_leave(peer: Peer) -> None:
    """S9: often it is the one that makes the device safe."""
    async with opened(peer) as transport:
        await transport.send(b"OUTPUT OFF\n")
        await transport.aclose()

        assert await peer.receive_at_least(11) == b"OUTPUT OFF\n"


async def test_a_bus_says_whether_it_has_a_device_clear(peer: Peer) -> None:
    """L2: if not, another way to bring the link in step is needed."""
    async with opened(peer) as transport:
        assert await transport.clear() is peer.has_clear


async def test_a_closed_transport_stays_closed(peer: Peer) -> None:
    async with opened(peer) as transport:
        await transport.aclose()
        await transport.aclose()

        with pytest.raises(trio.ClosedResourceError):
            await transport.send(b"T?\n")
        with pytest.raises(trio.ClosedResourceError):
            await transport.receive()
        with pytest.raises(trio.ClosedResourceError):
            transport.receive_nowait()


async def test_closing_again_does_not_hit_who_came_after(peer: Peer) -> None:
    """The next one opened gets the same descriptor."""
    async with opened(peer) as first:
        await first.aclose()
        async with opened(peer) as second, trio.open_nursery() as nursery:
            nursery.start_soon(second.receive)
            await trio.testing.wait_all_tasks_blocked()
            await first.aclose()
            peer.send(b"23.4\n")


async def test_a_second_receiver_is_refused(peer: Peer) -> None:
    async with opened(peer) as transport, trio.open_nursery() as nursery:
        nursery.start_soon(transport.receive)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await transport.receive()
        nursery.cancel_scope.cancel()


async def test_a_second_sender_is_refused_and_does_not_get_between(peer: Peer) -> None:
    """P5."""
    data = ALL_BYTES * (peer.flood // 256)
    async with opened(peer) as transport, trio.open_nursery() as nursery:
        peer.stall()
        nursery.start_soon(transport.send, data)
        await trio.sleep(0.05)
        with pytest.raises(trio.BusyResourceError):
            await transport.send(b"?")

        assert await peer.receive_at_least(len(data)) == data


async def test_a_send_waits_for_a_slow_reader(peer: Peer) -> None:
    data = ALL_BYTES * (peer.flood // 256)
    async with opened(peer) as transport, trio.open_nursery() as nursery:
        peer.stall()
        nursery.start_soon(transport.send, data)
        await trio.sleep(0.05)
        waiting = bool(nursery.child_tasks)
        received = await peer.receive_at_least(len(data), pause=0.0001)

        assert waiting
        assert received == data


async def test_a_cancelled_send_has_sent_a_beginning(peer: Peer) -> None:
    """L4: the device is left with half a command, and the transport goes on."""
    data = ALL_BYTES * (peer.flood // 256)
    async with opened(peer) as transport, trio.open_nursery() as nursery:
        peer.stall()
        with within(0.2), trio.move_on_after(0.05) as scope:
            await transport.send(data)
        nursery.start_soon(transport.send, b"the end")
        received = b""
        while not received.endswith(b"the end"):
            received += await peer.receive_at_least(1)
        beginning = received.removesuffix(b"the end")

        assert scope.cancelled_caught
        # A device that can be cleared has forgotten it, or was cleared in the middle of it.
        assert beginning or peer.has_clear
        assert len(beginning) < len(data)
        assert data.startswith(beginning)


async def test_a_port_is_claimed_while_it_is_open(peer: Peer) -> None:
    """PLR-11, PLR-12, L9: the second one is refused and told who holds it."""
    async with opened(peer):
        (holder,) = claims().values()
        with pytest.raises(PortInUse, match=r" is held by heater$"):
            await open_transport(Address.parse(peer.address), holder="pump")
        still = claims().values()

    assert holder == "heater"
    assert list(still) == ["heater"]
    assert claims() == {}


async def test_a_failed_open_leaves_nothing(peer: Peer) -> None:
    """PLR-10, PLR-8: and the address can be tried again."""
    peer.unplug()
    for _ in range(3):
        with within(1), pytest.raises(DeviceAbsent, match=f"^{peer.address.partition('?')[0]}"):
            await open_transport(Address.parse(peer.address), holder="heater")

        assert claims() == {}


@pytest.mark.parametrize("steps", range(6))
async def test_a_cancelled_open_leaves_nothing(peer: Peer, steps: int) -> None:
    """PLR-10: the port is closed before the cancellation reaches the caller."""
    before = descriptors()

    async def open_and_close() -> None:
        transport = await open_transport(Address.parse(peer.address), holder="heater")
        await transport.aclose()

    with trio.fail_after(2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_and_close)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    assert claims() == {}
    # The far end may be in this process too, and close its side a little later.
    with trio.fail_after(1):
        while descriptors() != before:  # noqa: ASYNC110 - nobody is told
            await trio.sleep(0.001)


async def test_many_cycles_leave_nothing(peer: Peer) -> None:
    """PLR-3."""
    before = descriptors()
    for _ in range(peer.cycles):
        async with opened(peer):
            pass
    peer.unplug()

    assert descriptors() <= before
