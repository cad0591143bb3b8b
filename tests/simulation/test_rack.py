"""The rack, its cables and its faults, seen by real clients of real ports."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import termios
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Literal, NoReturn

import attrs
import pytest
import serial
import trio

from labtroupe.errors import ArgumentError, BenchError, CommandError, PortInUse
from labtroupe.simulation import LineDevice, Multimeter, Rack
from labtroupe.simulation._cable import Cable
from labtroupe.simulation._tcp_cable import TcpCable
from labtroupe.transport import Address, open_transport

Via = Literal["pty", "tcp"]
both = pytest.mark.parametrize("via", ["pty", "tcp"])

# Far more than anything here takes; a test that gets there has failed.
PATIENCE = 5.0
# Long enough for an answer that is not to come; a device here answers in 4 ms.
SILENCE = 0.1
# What opening a port that is not there says.
GONE = "No such file|refused"


@attrs.define(eq=False)
class Counter(LineDevice):
    """Answers with how many requests it has heard, and crashes when told so."""

    heard: int = attrs.field(default=0, init=False)

    def answer(self, request: bytes) -> bytes:
        """Count."""
        if request == b"crash":
            raise ZeroDivisionError("a bug")
        self.heard += 1
        return b"%d %b" % (self.heard, request)


class Forgetful(Counter):
    """One whose count does not survive a power cycle."""

    def power_on(self) -> None:
        """Begin anew."""
        self.heard = 0


@attrs.define(eq=False)
class Client:
    """Whoever opened a port, with the plainest calls there are."""

    fd: int
    received: bytes = attrs.field(default=b"", init=False)

    def send(self, data: bytes) -> None:
        """Send all of it; there always is room."""
        os.write(self.fd, data)

    async def read(self) -> bytes:
        """Return some bytes, ``b""`` when the other side has gone."""
        await trio.lowlevel.wait_readable(self.fd)
        try:
            return os.read(self.fd, 65536)
        except OSError:
            return b""

    async def line(self) -> bytes:
        """Return the next line, without its end."""
        while b"\n" not in self.received:
            data = await self.read()
            assert data, "the port has gone"
            self.received += data
        line, self.received = self.received.split(b"\n", 1)
        return line

    async def ask(self, request: bytes) -> bytes:
        """Return the line that comes after a request."""
        self.send(request + b"\n")
        return await self.line()

    async def wait_gone(self) -> None:
        """Wait until the other side has gone."""
        while await self.read():
            pass

    async def hears_nothing(self) -> bool:
        """Return whether nothing comes for a while."""
        with trio.move_on_after(SILENCE):
            self.received += await self.read()
        return not self.received


@contextlib.contextmanager
def opened(address: str) -> Generator[Client]:
    scheme, _, place = address.partition(":")
    if scheme == "serial":
        fd = os.open(place, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    else:
        connection = socket.create_connection(("127.0.0.1", port_of(address)))
        connection.settimeout(0)
        fd = connection.detach()
    try:
        yield Client(fd)
    finally:
        os.close(fd)


async def fill(cable: Cable) -> None:
    """Send until there is room for no byte more; the kernel makes some as it moves what it has."""
    if isinstance(cable, TcpCable) and cable._pipe:
        # Some megabytes by default, which would take long.
        with socket.socket(fileno=os.dup(cable._pipe.fileno())) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    for size in (65536, 1) * 3:
        while cable.send_now(b"x" * size):
            pass
        await trio.sleep(0.005)


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def target(link: Path) -> Path:
    return link.readlink()


def unexpected(name: str, error: Exception) -> NoReturn:
    raise AssertionError(f"{name} crashed") from error


@contextlib.asynccontextmanager
async def racked(
    directory: Path, on_crash: Callable[[str, Exception], None] = unexpected
) -> AsyncGenerator[Rack]:
    with trio.fail_after(PATIENCE):
        async with Rack(directory, on_crash=on_crash).running() as rack:
            yield rack


@both
async def test_a_device_answers_whoever_opens_its_port(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            assert await client.ask(b"a") == b"1 a"
            client.send(b"b\nc")
            assert await client.line() == b"2 b"
            client.send(b"\n")
            assert await client.line() == b"3 c"


async def test_a_serial_port_can_be_opened_by_pyserial(tmp_path: Path) -> None:
    def ask(path: str) -> bytes:
        with serial.Serial(path, 19200, timeout=PATIENCE, exclusive=True) as port:
            port.write(b"\r\n\n")
            return port.read_until(b"\n") + port.read_until(b"\n")

    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter())

        # Twice, since a port that was closed must open again; the CR comes as it was sent.
        assert await trio.to_thread.run_sync(ask, address.removeprefix("serial:")) == b"1 \r\n2 \n"
        assert await trio.to_thread.run_sync(ask, address.removeprefix("serial:")) == b"3 \r\n4 \n"


@both
async def test_an_answer_takes_the_latency_of_the_device(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("slow", Counter(latency=0.05), via=via)) as client:
            start = trio.current_time()
            client.send(b"a\nb\n")
            await client.line()
            await client.line()

            assert trio.current_time() - start >= 0.1


@both
async def test_a_pulled_cable_is_seen_at_once_and_the_port_is_gone(tmp_path: Path, via: Via) -> None:
    """L7."""
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(), via=via)
        with opened(address) as client:
            await client.ask(b"a")
            rack.inject("counter", "unplug")

            with pytest.raises(OSError, match=GONE), opened(address):
                pass
            with trio.fail_after(1):
                await client.wait_gone()


@both
async def test_a_cable_put_back_is_the_same_address_and_the_same_device(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(), via=via)
        with opened(address) as client:
            await client.ask(b"a")
            rack.inject("counter", "unplug")
            rack.inject("counter", "plug")

            with opened(address) as again:
                assert await again.ask(b"b") == b"2 b"


@both
async def test_a_cable_pulled_for_a_while_goes_back_by_itself(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(), via=via)
        rack.inject("counter", "unplug", "100ms")
        (fault,) = rack.faults("counter")
        assert fault.name == "unplug"
        with pytest.raises(OSError, match=GONE), opened(address):
            pass
        await trio.sleep_until(fault.until)
        await trio.testing.wait_all_tasks_blocked()

        assert rack.faults("counter") == ()
        with opened(address) as client:
            assert await client.ask(b"a") == b"1 a"


@both
async def test_a_device_that_is_switched_off_and_on_forgets_and_its_port_is_gone_meanwhile(
    tmp_path: Path, via: Via
) -> None:
    """L11: half a request, what it was about to say, and all that `power_on` sets."""
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Forgetful(), via=via)
        rack.inject("counter", "late", "200ms")
        with opened(address) as client:
            client.send(b"a\nb\nha")
            await trio.sleep(0.05)
            rack.inject("counter", "power-cycle", "100ms")
            await client.wait_gone()
        with pytest.raises(OSError, match=GONE), opened(address):
            pass
        assert [fault.name for fault in rack.faults("counter")] == ["late", "power-cycle"]
        await trio.sleep(0.3)

        with opened(address) as client:
            assert await client.ask(b"c") == b"1 c"


@both
async def test_unplugging_again_and_again_leaks_no_descriptor(tmp_path: Path, via: Via) -> None:
    """PLR-3."""
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(latency=0.0), via=via)
        held: set[int] = set()
        for _ in range(50):
            with opened(address) as client:
                await client.ask(b"a")
                rack.inject("counter", "unplug")
                await client.wait_gone()
            rack.inject("counter", "plug")
            held.add(descriptors())

        assert len(held) == 1


@both
async def test_a_late_answer_comes_late_and_in_order(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "late", "250ms")
            start = trio.current_time()
            client.send(b"a\n")
            assert await client.hears_nothing()
            client.send(b"b\n")

            assert await client.line() == b"1 a"
            assert trio.current_time() - start >= 0.25
            assert await client.line() == b"2 b"


@both
async def test_each_answer_is_late_by_as_much_however_many_wait(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "late", "200ms")
            start = trio.current_time()
            client.send(b"a\nb\nc\n")
            assert [await client.line() for _ in range(3)] == [b"1 a", b"2 b", b"3 c"]

            assert 0.2 <= trio.current_time() - start < 0.4


@both
async def test_what_is_late_comes_at_once_when_the_fault_ends(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "late", "1h")
            client.send(b"a\n")
            assert await client.hears_nothing()
            rack.inject("counter", "clear")

            assert await client.line() == b"1 a"


@both
async def test_a_late_fault_can_last_for_a_while_only(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "late", "1h", "50ms")

            assert await client.ask(b"a") == b"1 a"
            assert rack.faults("counter") == ()


@both
async def test_a_mute_device_acts_but_does_not_answer(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "mute")
            client.send(b"a\n")
            assert await client.hears_nothing()
            rack.inject("counter", "clear")

            assert await client.ask(b"b") == b"2 b"


@both
async def test_noise_puts_garbage_before_the_answer(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "noise")
            garbage = (await client.ask(b"a")).removesuffix(b"1 a")

            assert len(garbage) in range(1, 9)
            assert min(garbage) >= 0x80


@both
async def test_a_garbled_answer_has_one_byte_that_is_another(tmp_path: Path, via: Via) -> None:
    """L6."""
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "garbled", "times=1")
            client.send(b"a\n")
            garbled = await client.read()

            assert sum(got != said for got, said in zip(garbled, b"1 a\n", strict=True)) == 1
            assert await client.ask(b"b") == b"2 b"


@both
async def test_a_duplicate_answer_comes_twice(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "duplicate", "times=1")

            assert await client.ask(b"a") == b"1 a"
            assert await client.line() == b"1 a"
            assert await client.ask(b"b") == b"2 b"


@both
async def test_a_split_answer_comes_byte_by_byte(tmp_path: Path, via: Via) -> None:
    """L6."""
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "split", "30ms")
            client.send(b"a\n")

            assert [await client.read() for _ in range(4)] == [b"1", b" ", b"a", b"\n"]


@both
async def test_an_echo_comes_before_the_answer(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "echo")

            assert await client.ask(b"a") == b"a"
            assert await client.line() == b"1 a"


@both
async def test_a_device_that_drains_slowly_hears_a_byte_now_and_then(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "slow-drain", "50ms")
            start = trio.current_time()
            assert await client.ask(b"abc") == b"1 abc"
            assert trio.current_time() - start >= 0.2
            rack.inject("counter", "slow-drain", "1h")
            client.send(b"d\n")
            assert await client.hears_nothing()
            rack.inject("counter", "clear")

            assert await client.line() == b"2 d"


@both
async def test_a_cable_may_be_out_in_the_middle_of_an_answer(tmp_path: Path, via: Via) -> None:
    """L7: at any byte of it; the last ones before may be lost in a serial port, which forgets them."""
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(), via=via)
        with opened(address) as client:
            rack.inject("counter", "split", "30ms")
            rack.inject("counter", "unplug", "said=2")
            client.send(b"a\n")
            received = b""
            while data := await client.read():
                received += data

            assert received in {b"1", b"1 "}
        with pytest.raises(OSError, match=GONE), opened(address):
            pass


@both
async def test_a_device_may_be_switched_off_in_the_middle_of_a_command(tmp_path: Path, via: Via) -> None:
    """L11: at any byte of it, which it forgets; and the rest is heard by nobody."""
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Forgetful(), via=via)
        with opened(address) as client:
            await client.ask(b"a")
            rack.inject("counter", "power-cycle", "50ms", "heard=2")
            client.send(b"abcd\n")
            await client.wait_gone()
        (fault,) = rack.faults("counter")
        await trio.sleep_until(fault.until)
        await trio.testing.wait_all_tasks_blocked()
        with opened(address) as client:
            assert await client.ask(b"b") == b"1 b"


@both
async def test_the_rest_of_an_answer_is_as_a_fault_has_it_that_begins_within(
    tmp_path: Path, via: Via
) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "mute", "said=2", "times=1")

            client.send(b"a\n")
            assert not await client.hears_nothing()
            assert client.received == b"1 "
            assert await client.ask(b"b") == b"1 2 b"


@both
async def test_a_fault_begins_by_itself_when_its_time_has_come(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "unplug", "after=100ms")

            assert await client.ask(b"a") == b"1 a"
            await client.wait_gone()


async def test_a_serial_port_that_refuses_is_held_by_somebody_else(tmp_path: Path) -> None:
    """PLR-11: and whoever had it open keeps it."""
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter())
        with opened(address) as client:
            await client.ask(b"a")
            rack.inject("counter", "refuse")
            with pytest.raises(PortInUse, match="is held by"):
                await open_transport(Address.parse(address), holder="me")
            assert await client.ask(b"b") == b"2 b"
        rack.inject("counter", "unplug")
        rack.inject("counter", "plug")
        with pytest.raises(PortInUse):
            await open_transport(Address.parse(address), holder="me")
        rack.inject("counter", "clear")

        with opened(address) as client:
            assert await client.ask(b"c") == b"3 c"


async def test_a_network_port_that_refuses_hangs_up_on_who_connects(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(), via="tcp")
        with opened(address) as client:
            await client.ask(b"a")
            rack.inject("counter", "refuse")
            with opened(address) as second:
                await second.wait_gone()
            assert await client.ask(b"b") == b"2 b"
        rack.inject("counter", "clear")

        with opened(address) as client:
            assert await client.ask(b"c") == b"3 c"


async def test_a_replugged_serial_cable_is_elsewhere(tmp_path: Path) -> None:
    """L8, L12."""
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter())
        for number in range(1, 4):
            before = target(tmp_path / "counter")
            with opened(address) as client:
                await client.ask(b"a")
                rack.inject("counter", "replug", "50ms")
                await client.wait_gone()
            assert names(tmp_path) == []
            (fault,) = rack.faults("counter")
            await trio.sleep_until(fault.until)
            await trio.testing.wait_all_tasks_blocked()

            assert target(tmp_path / "counter") != before
            assert rack.faults("counter") == ()
            assert number == 1 or names(tmp_path) == ["counter"]


@both
async def test_a_device_with_a_wrong_identity_is_another_one(tmp_path: Path, via: Via) -> None:
    """L8."""
    async with racked(tmp_path) as rack:
        rack.add("counter", Counter(), via=via)
        with opened(rack.add("meter", Multimeter(latency=0.0), via=via)) as client:
            right = await client.ask(b"*IDN?")
            rack.inject("meter", "wrong-identity")
            wrong = await client.ask(b"*IDN?")
            rack.inject("meter", "clear")

            assert (right != wrong, await client.ask(b"*IDN?")) == (True, right)
        with pytest.raises(ArgumentError, match="does not say who it is") as caught:
            rack.inject("counter", "wrong-identity")
        assert "disguised" in caught.value.remedy


@both
async def test_a_flood_is_lines_of_garbage_until_it_is_cleared(tmp_path: Path, via: Via) -> None:
    """L6."""
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            rack.inject("counter", "flood")
            lines = [await client.line() for _ in range(5)]
            assert {len(line) for line in lines} == {99}
            rack.inject("counter", "clear")
            while not await client.hears_nothing():
                client.received = b""

            assert await client.ask(b"a") == b"1 a"


@both
async def test_a_flood_that_nobody_reads_is_lost_and_answers_wait_for_room(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            await client.ask(b"a")
            await fill(rack._slots["counter"].cable)
            rack.inject("counter", "flood", "30ms")
            client.send(b"b\n")
            await trio.sleep(0.05)
            assert rack.faults("counter") == ()
            # What the kernel found room for after all may come before the answer, and after it.
            while b"2 b\n" not in client.received:
                client.received += await client.read()


@both
async def test_an_answer_that_waits_for_room_is_lost_with_the_cable(tmp_path: Path, via: Via) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(latency=0.0), via=via)
        with opened(address) as client:
            await client.ask(b"a")
            await fill(rack._slots["counter"].cable)
            client.send(b"b\n" * 300)
            await trio.sleep(SILENCE)
            rack.inject("counter", "unplug")
            await trio.testing.wait_all_tasks_blocked()
        rack.inject("counter", "clear")
        await trio.sleep(SILENCE)
        with opened(address) as client:
            client.received = b""
            client.send(b"c\n")
            while b" c\n" not in client.received:
                client.received += await client.read()


@both
async def test_a_device_that_crashes_is_reported_and_ends_alone(tmp_path: Path, via: Via) -> None:
    crashes: list[tuple[str, Exception]] = []
    async with racked(tmp_path, lambda name, error: crashes.append((name, error))) as rack:
        other = rack.add("other", Counter(), via=via)
        address = rack.add("counter", Counter(), via=via)
        with opened(address) as client:
            client.send(b"crash\n")
            await client.wait_gone()
            ((name, error),) = crashes

            assert (name, type(error)) == ("counter", ZeroDivisionError)
        with pytest.raises(
            CommandError, match=r"device has crashed: ZeroDivisionError\(.*\) at simulation/test_rack.py:\d+$"
        ):
            rack.inject("counter", "plug")
        with pytest.raises(OSError, match=GONE), opened(address):
            pass
        with opened(other) as client:
            assert await client.ask(b"a") == b"1 a"


async def test_a_port_that_was_left_remembers_nothing_of_its_opener(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(latency=0.01))
        with opened(address) as client:
            # As root nothing is refused, so the flag itself is looked at below.
            fcntl.ioctl(client.fd, termios.TIOCEXCL)
            client.send(b"a\n")
            await trio.sleep(SILENCE)
        await trio.testing.wait_all_tasks_blocked(0.01)

        with opened(address) as client:
            assert fcntl.ioctl(client.fd, 0x80045440, bytes(4)) == bytes(4)  # TIOCGEXCL
            assert await client.hears_nothing()
            assert await client.ask(b"b") == b"2 b"


async def test_a_port_that_was_left_locked_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What TIOCEXCL does to all but root."""

    def refuse(path: str, *_: object) -> NoReturn:
        raise OSError(errno.EBUSY, "Device or resource busy", path)

    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter())
        with opened(address) as client:
            before = target(tmp_path / "counter")
            await client.ask(b"a")
        with monkeypatch.context() as locked:
            locked.setattr(os, "open", refuse)
            await trio.testing.wait_all_tasks_blocked(0.01)

        assert target(tmp_path / "counter") != before
        with opened(address) as client:
            assert await client.ask(b"b") == b"2 b"


@both
async def test_a_port_that_nobody_has_open_costs_nothing(tmp_path: Path, via: Via) -> None:
    """L7: no busy loop."""

    @attrs.define(eq=False)
    class Steps(trio.abc.Instrument):
        count: int = 0

        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            del task
            self.count += 1

    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via=via)) as client:
            await client.ask(b"a")
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        await trio.sleep(0.05)
        trio.lowlevel.remove_instrument(steps)

        assert steps.count < 20


async def test_a_second_tcp_client_is_hung_up_on(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(), via="tcp")
        with opened(address) as first:
            await first.ask(b"a")
            with opened(address) as second:
                await second.wait_gone()

            assert await first.ask(b"b") == b"2 b"


async def test_a_tcp_client_that_comes_back_at_once_is_let_in(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(latency=0.0), via="tcp")
        for _ in range(20):
            with opened(address) as client:
                await client.ask(b"a")
                client.send(b"and gone\n")
            with opened(address) as client:
                await client.ask(b"b")


async def test_a_tcp_client_that_has_said_its_last_is_hung_up_on(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("counter", Counter(), via="tcp")) as client:
            await client.ask(b"a")
            with socket.socket(fileno=os.dup(client.fd)) as connection:
                connection.shutdown(socket.SHUT_WR)

            await client.wait_gone()


async def test_a_cable_may_be_pulled_at_any_moment_of_a_connection(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(), via="tcp")
        # Several times each, since trio runs what is ready in no order.
        for moment in [*range(6)] * 5:
            with opened(address):
                for _ in range(moment):
                    await trio.lowlevel.checkpoint()
                rack.inject("counter", "unplug")
            await trio.testing.wait_all_tasks_blocked()
            rack.inject("counter", "plug")


async def test_an_unplugged_tcp_port_is_given_to_nobody_else(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(), via="tcp")
        rack.inject("counter", "unplug")

        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind(("127.0.0.1", port_of(address)))


async def test_replies_to_a_client_that_has_gone_are_lost(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        address = rack.add("counter", Counter(latency=0.003), via="tcp")
        with opened(address) as client:
            client.send(b"a\n" * 10)
        await trio.sleep(0.15)

        with opened(address) as client:
            assert await client.ask(b"b") == b"11 b"


async def test_devices_answer_while_the_bench_is_being_cancelled(tmp_path: Path) -> None:
    """S2, S9: instruments bring their devices into a safe state then."""
    answers: list[bytes] = []
    with trio.CancelScope() as bench:
        async with racked(tmp_path) as rack:
            with opened(rack.add("counter", Counter())) as client:
                bench.cancel()
                with trio.CancelScope(shield=True, relative_deadline=PATIENCE):
                    answers.append(await client.ask(b"off"))

    assert answers == [b"1 off"]


@both
async def test_everything_ends_with_the_rack(tmp_path: Path, via: Via) -> None:
    """P19: the descriptors are looked at after each test."""
    async with racked(tmp_path / "new") as rack:
        address = rack.add("counter", Counter(), via=via)
        rack.add("unplugged", Counter(), via=via)
        rack.inject("unplugged", "unplug")

    assert names(tmp_path / "new") == []
    with pytest.raises(OSError, match=GONE), opened(address):
        pass
    with pytest.raises(CommandError, match="counter: it is not simulated"):
        rack.inject("counter", "plug")
    with pytest.raises(RuntimeError, match="not running"):
        rack.add("another", Counter(), via=via)


async def test_a_rack_that_is_cancelled_before_it_began_ends(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE), trio.CancelScope() as scope:
        scope.cancel()
        async with Rack(tmp_path, on_crash=unexpected).running() as rack:
            rack.add("counter", Counter())

    assert names(tmp_path) == []


async def test_what_the_body_raises_comes_out_bare(tmp_path: Path) -> None:
    """S15."""

    async def give_up() -> None:
        async with racked(tmp_path) as rack:
            rack.add("counter", Counter())
            raise BenchError("enough")

    with pytest.raises(BenchError, match="enough") as caught:
        await give_up()

    assert caught.value.__context__ is None


async def test_the_name_of_a_device_may_be_anything(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        with opened(rack.add("../stages/left hand", Counter())) as client:
            assert await client.ask(b"a") == b"1 a"
        assert names(tmp_path) == ["..%2Fstages%2Fleft%20hand"]
        with pytest.raises(RuntimeError, match="one of this name"):
            rack.add("../stages/left hand", Counter())


async def test_a_directory_that_cannot_be_is_a_bench_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BenchError, match="no place for simulated ports"):
        async with racked(tmp_path / "file"):
            pass


async def test_no_port_is_a_bench_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    async with racked(tmp_path) as rack:
        monkeypatch.setattr(TcpCable, "plug", refuse)
        with pytest.raises(BenchError, match=r"no port for the simulated counter.*Too many"):
            rack.add("counter", Counter(), via="tcp")


async def test_wrong_faults_are_refused_with_a_remedy(tmp_path: Path) -> None:
    async with racked(tmp_path) as rack:
        rack.add("counter", Counter())
        with pytest.raises(ArgumentError, match="no fault 'mut'") as caught:
            rack.inject("counter", "mut")
        assert "Did you mean `mute`?" in caught.value.remedy
        with pytest.raises(CommandError, match="pump: it is not simulated"):
            rack.inject("pump", "mute")
        assert rack.faults("counter") == ()
