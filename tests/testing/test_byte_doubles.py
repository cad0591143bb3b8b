"""Devices of a test's own: by script, and by a class with state; in memory, on a pty, over TCP."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NoReturn

import attrs
import pytest
import trio
from trio.testing import MockClock

from labtroupe.errors import (
    ArgumentError,
    CommandError,
    CommandTimeout,
    DeviceAbsent,
    LabtroupeError,
    LinkLost,
    PortInUse,
)
from labtroupe.instrument import Instrument, Quiet
from labtroupe.messages import command
from labtroupe.protocol import Lines
from labtroupe.simulation import LineDevice, Via
from labtroupe.testing import ByteDouble, Script, ScriptBroken, byte_double
from labtroupe.transport import Transport

each_way = pytest.mark.parametrize("via", ["memory", "pty", "tcp"])


class Gauge(Instrument):
    """A vacuum gauge."""

    framing = Lines(b"\r")
    resync = (Quiet(2.0),)

    @command(timeout=3.0, idempotent=True)
    async def pressure(self) -> float:
        """Pressure, in millibar."""
        return float(await self.link.query("P?"))


@attrs.define(eq=False)
class Counter(LineDevice):
    """Counts its requests, and forgets them with its power."""

    count: int = attrs.field(default=0, init=False)

    def answer(self, request: bytes) -> bytes:
        """Count."""
        self.count += 1
        return b"%d %b" % (self.count, request)

    def power_on(self) -> None:
        """Forget."""
        self.count = 0


def is_weight(frame: bytes) -> bool:
    return frame.startswith(b"W ")


class Balance(Instrument):
    """A balance that says by itself what is on it."""

    framing = Lines(b"\r\n")
    resync = (Quiet(0.5),)
    unsolicited = is_weight
    grams: float | None = None

    def on_unsolicited(self, frame: bytes) -> None:
        """Keep it."""
        self.grams = float(frame[2:])

    @command
    async def weight(self) -> float | None:
        """What it has said last, in grams."""
        return self.grams

    @command
    async def tare(self) -> bool:
        """Set it to zero."""
        return await self.link.query("TARE") == "OK"


def script() -> Script:
    return Script().expect(b"P?\r", b"1e-3\r").expect(b"P?\r", b"2e-3\r")


@asynccontextmanager
async def closing(transport: Transport) -> AsyncGenerator[Transport]:
    try:
        yield transport
    finally:
        await transport.aclose()


async def ask(transport: Transport, request: bytes, end: bytes = b"\r") -> bytes:
    await transport.send(request)
    answer = b""
    while not answer.endswith(end):
        answer += await transport.receive()
    return answer


@each_way
async def test_a_script_is_followed_byte_by_byte(via: Via) -> None:
    with trio.fail_after(5):
        async with byte_double(script(), via=via) as double:
            transport = await double.open()
            await transport.send(b"P")
            assert await ask(transport, b"?\r") == b"1e-3\r"
            assert await ask(transport, b"P?\r") == b"2e-3\r"
            await transport.aclose()

    assert double.device.heard == b"P?\rP?\r"


@each_way
async def test_what_is_not_in_the_script_fails_the_test_and_says_where(via: Via) -> None:
    """Out of band: whatever the test makes of the link that is lost by it."""

    async def talk() -> None:
        async with byte_double(script(), via=via) as double, closing(await double.open()) as transport:
            await ask(transport, b"P?\r")
            with pytest.raises(LinkLost):
                await ask(transport, b"P!\r")

    with pytest.raises(ScriptBroken) as caught, trio.fail_after(5):
        await talk()

    assert str(caught.value).splitlines() == [
        "step 2 of the script:",
        r"  expected: b'P?\r'",
        r"  got:      b'P!\r'",
        "               ^ byte 1",
    ]


async def test_a_broken_script_takes_the_place_of_the_error_it_has_led_to(autojump_clock: MockClock) -> None:
    async def talk() -> None:
        async with byte_double(Script()) as double, closing(await double.open()) as transport:
            await ask(transport, b"P?\r")

    with pytest.raises(ScriptBroken, match="after the end of the script") as caught:
        await talk()

    assert isinstance(caught.value.__cause__, LinkLost)


async def test_what_was_expected_and_not_said_fails_the_test(autojump_clock: MockClock) -> None:
    async def talk() -> None:
        async with byte_double(script()) as double, closing(await double.open()) as transport:
            await ask(transport, b"P?\r")

    with pytest.raises(ScriptBroken) as caught:
        await talk()

    assert repr(caught.value) == r"step 2 of the script: expected b'P?\r', got nothing"


async def test_a_body_that_fails_by_itself_says_what_its_script_still_waited_for(
    autojump_clock: MockClock,
) -> None:
    """A driver that waits for an answer, because it has not said all, says nothing of why."""
    device = Script().expect(b"P?\r\n", b"1e-3\r\n")
    with pytest.raises(CommandTimeout) as caught:
        async with byte_double(device) as double, double.instrument(Gauge) as gauge:
            await gauge.ask(Gauge.pressure())

    (note,) = caught.value.__notes__
    assert note.splitlines() == [
        "It may be the reason: step 1 of the script:",
        r"  expected: b'P?\r\n'",
        r"  got:      b'P?\r'",
        "                  ^ byte 3",
    ]


async def test_a_broken_script_takes_the_place_of_a_test_that_was_given_up(autojump_clock: MockClock) -> None:
    """Or only its last consequence would be seen: that the test took too long, or found no error."""

    async def talk(reaction: Callable[[], Awaitable[None]]) -> None:
        with trio.fail_after(60):
            async with byte_double(Script()) as double, closing(await double.open()) as transport:
                await transport.send(b"P?\r")
                await trio.sleep(1)
                await reaction()

    async def fail() -> NoReturn:
        pytest.fail("DID NOT RAISE")

    async def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    for reaction in (trio.sleep_forever, fail):
        with pytest.raises(ScriptBroken, match="after the end of the script"):
            await talk(reaction)
    with pytest.raises(KeyboardInterrupt):
        await talk(interrupt)


@each_way
async def test_what_is_said_last_is_heard(via: Via) -> None:
    """Though nobody waits for an answer, and the operating system takes its time."""

    async def say_it(device: Script) -> None:
        async with AsyncExitStack() as stack, byte_double(device, via=via) as double:
            transport = await double.open()
            stack.push_async_callback(transport.aclose)
            await transport.send(b"E\r")

    with trio.fail_after(5):
        await say_it(Script().expect(b"E\r"))
        with pytest.raises(ScriptBroken, match="after the end"):
            await say_it(Script())


@pytest.mark.parametrize("pause", ["latency", "late", "split"])
async def test_a_device_that_was_switched_off_waits_for_nothing_from_before(
    pause: str, autojump_clock: MockClock
) -> None:
    """Neither is what it was about to say said, nor does what it says then come after it."""
    async with byte_double(Counter(latency=100.0 if pause == "latency" else 0.0)) as double:
        transport = await double.open()
        if pause != "latency":
            double.inject(pause, "100s", "times=1")
        await transport.send(b"a\n")
        await trio.sleep(50)
        double.inject("power-cycle", "1s")
        await transport.aclose()
        await trio.sleep(1.5)
        double.device.latency = 0.0
        async with closing(await double.open()) as again:
            start = trio.current_time()
            assert await ask(again, b"b\n", b"\n") == b"1 b\n"
            assert trio.current_time() == pytest.approx(start)
            with trio.move_on_after(1000):
                assert await again.receive() == b""


async def test_a_lenient_script_takes_anything_at_any_time(autojump_clock: MockClock) -> None:
    device = Script(strict=False).expect(b"P?\r", b"1\r").expect(b"ID\r", b"G\r").expect(b"P?\r", b"2\r")
    async with byte_double(device) as double:
        transport = await double.open()
        answers = [await ask(transport, each) for each in (b"ID\r", b"P?\r", b"X\rP?\r", b"P?\r")]
        await transport.aclose()

    assert answers == [b"G\r", b"2\r", b"1\r", b"2\r"]


async def test_a_request_may_have_several_answers_or_none(autojump_clock: MockClock) -> None:
    device = Script().expect(b"GO\r").expect(b"ALL\r", b"1\r", b"2\r")
    async with byte_double(device) as double:
        transport = await double.open()
        await transport.send(b"GO\rALL\r")
        assert [await transport.receive(), await transport.receive()] == [b"1\r", b"2\r"]
        await transport.aclose()


def test_a_script_cannot_expect_nothing() -> None:
    for request, answer in [("P?", b"1"), (b"P?", "1")]:
        with pytest.raises(TypeError, match=r"a script is of bytes, such as b'T\?', and '.+' is none"):
            Script().expect(request, answer)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="cannot expect nothing"):
        Script().expect(b"", b"hello")


def test_a_difference_far_behind_is_shown_where_it_is() -> None:
    device = Script().expect(b"x" * 500 + b"abc\r")
    with pytest.raises(ScriptBroken) as caught:
        device.respond(b"x" * 500 + b"adc\r", 0.0)

    expected, got, caret = str(caught.value).splitlines()[1:]
    at = caret.index("^")
    assert (expected[at], got[at], caret[at:]) == ("b", "d", "^ byte 501")


async def test_a_device_that_crashes_fails_the_test(autojump_clock: MockClock) -> None:
    class Broken(Counter):
        def answer(self, request: bytes) -> NoReturn:
            raise ZeroDivisionError(request)

    async def talk() -> None:
        async with byte_double(Broken()) as double, closing(await double.open()) as transport:
            with pytest.raises(LinkLost):
                await ask(transport, b"a\n")

    with pytest.raises(ZeroDivisionError):
        await talk()


@each_way
async def test_a_device_of_a_class_has_state_and_faults(via: Via) -> None:
    with trio.fail_after(5):
        async with byte_double(Counter(), via=via) as double:
            transport = await double.open()
            assert await ask(transport, b"a\n", b"\n") == b"1 a\n"
            double.inject("duplicate", "times=1")
            await transport.send(b"b\n")
            assert await ask(transport, b"", b"b\n2 b\n") == b"2 b\n2 b\n"
            double.inject("power-cycle", "100ms")
            with pytest.raises(LinkLost):
                await transport.receive()
            await transport.aclose()
            with pytest.raises(DeviceAbsent):
                await double.open()
            (fault,) = double.faults
            await trio.sleep_until(fault.until)
            await trio.testing.wait_all_tasks_blocked(0.01)
            transport = await double.open()
            assert await ask(transport, b"c\n", b"\n") == b"1 c\n"
            await transport.aclose()


async def test_faults_in_memory_are_those_of_a_real_port(autojump_clock: MockClock) -> None:
    async with byte_double(Counter()) as double:
        transport = await double.open()
        double.inject("refuse")
        with pytest.raises(PortInUse):
            await double.open()
        double.inject("slow-drain", "1min")
        start = trio.current_time()
        assert await ask(transport, b"ab\n", b"\n") == b"1 ab\n"
        assert trio.current_time() - start >= 180
        double.inject("unplug", "said=2")
        await transport.send(b"c\n")
        assert await transport.receive() == b"2 "
        with pytest.raises(LinkLost):
            await transport.receive()
        await transport.aclose()
        with pytest.raises(ArgumentError, match="no fault"):
            double.inject("explode")


async def test_an_instrument_over_memory_costs_no_time(autojump_clock: MockClock) -> None:
    """OA-16: an hour of a late answer, and a device that is away, in some milliseconds."""
    began = time.perf_counter()
    device = Script(strict=False).expect(b"P?\r", b"1e-3\r")
    async with byte_double(device) as double, double.instrument(Gauge) as gauge:
        double.inject("late", "1h", "times=1")
        with pytest.raises(CommandError):
            await gauge.ask(Gauge.pressure())
        await trio.sleep(3600)
        assert await gauge.ask(Gauge.pressure()) == 1e-3
        double.inject("unplug", "1min")
        await trio.sleep(100)
        assert await gauge.ask(Gauge.pressure()) == 1e-3

    assert time.perf_counter() - began < 2


async def test_what_an_instrument_says_to_a_script_is_checked(autojump_clock: MockClock) -> None:
    async with byte_double(script()) as double, double.instrument(Gauge) as gauge:
        assert await gauge.ask(Gauge.pressure()) == 1e-3
        assert await gauge.ask(Gauge.pressure()) == 2e-3


async def test_two_doubles_may_be_there_at_once(autojump_clock: MockClock) -> None:
    async with byte_double(Counter()) as one, byte_double(Counter()) as other:
        doubles: list[ByteDouble[Counter]] = [one, other]
        for double in doubles:
            transport = await double.open()
            assert await ask(transport, b"a\n", b"\n") == b"1 a\n"
            await transport.aclose()


@pytest.mark.parametrize("fault", ["unplug", "power-cycle", "mute", "late", "garbled", "noise", "duplicate"])
@pytest.mark.parametrize("way", ["heard", "said"])
async def test_a_fault_may_begin_at_every_byte(fault: str, way: str, autojump_clock: MockClock) -> None:
    """L7, L11, P6: and the instrument is well again afterwards."""
    device = Script(strict=False).expect(b"P?\r", b"1e-3\r")
    delay = ["1s"] if fault == "late" else []
    async with byte_double(device) as double, double.instrument(Gauge) as gauge:
        for at in range(1, 6 if way == "said" else 4):
            double.inject(fault, *delay, "4s", f"{way}={at}")
            with suppress(LabtroupeError, ValueError):
                await gauge.ask(Gauge.pressure())
            await trio.sleep(60)
            double.inject("clear")
            await trio.sleep(60)
            assert await gauge.ask(Gauge.pressure()) == 1e-3


async def test_a_device_says_something_by_itself(autojump_clock: MockClock) -> None:
    """Also in the middle of an exchange, and as the faults have it."""
    device = Script(strict=False, latency=0.2).expect(b"TARE\r\n", b"OK\r\n")
    async with byte_double(device) as double, double.instrument(Balance) as balance:
        assert await balance.ask(Balance.weight()) is None
        double.say(b"W 1.5\r\n")
        await trio.sleep(0.1)
        assert await balance.ask(Balance.weight()) == 1.5
        reply = balance.send(Balance.tare())
        await trio.sleep(0.1)
        double.say(b"W 2.5\r\n")
        assert await reply.wait()
        await trio.sleep(0.5)
        assert await balance.ask(Balance.weight()) == 2.5
        double.inject("mute")
        double.say(b"W 3.5\r\n")
        await trio.sleep(0.5)
        assert await balance.ask(Balance.weight()) == 2.5


async def test_a_short_fault_is_noticed_though_something_holds_up_the_loop() -> None:
    """In real time, where a loop can be late: a device that was switched off has forgotten."""
    with trio.fail_after(5):
        async with byte_double(Counter()) as double, closing(await double.open()) as transport:
            await ask(transport, b"a\n", b"\n")
            double.inject("power-cycle", "1ms", "after=10ms")
            time.sleep(0.05)  # noqa: ASYNC251 - that is what is to be seen
            with pytest.raises(LinkLost):
                await transport.receive()
            assert double.device.count == 0


async def test_a_class_is_no_device(autojump_clock: MockClock) -> None:
    with pytest.raises(TypeError, match="Counter'> is no simulated device; make one, by calling its class"):
        async with byte_double(Counter):  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
            pass


async def test_the_times_of_a_fault_may_be_numbers(autojump_clock: MockClock) -> None:
    async with byte_double(Counter()) as double:
        double.inject("late", 1.5, 3, "times=1")
        [fault] = double.faults
        assert (fault.delay, fault.lasting, fault.times) == (1.5, 3.0, 1)
