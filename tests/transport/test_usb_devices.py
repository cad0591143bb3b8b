"""USB devices behind an unmodified pyusb and libusb, under umockdev; test_umockdev.py runs this."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from labtroupe.cli import main
from labtroupe.errors import ConfigError, DeviceAbsent, LinkLost, PortInUse
from labtroupe.testing._usb import Bed, Pipe, Scope
from labtroupe.transport import Address, Transport, claims, open_transport
from labtroupe.transport import _usb as usb_module

SCOPE = "usb://1209:0001/SN0001"

HOLD = f"""
import trio
from labtroupe.transport import Address, open_transport

async def main():
    transport = await open_transport(Address.parse("{SCOPE}"), holder="other")
    print("held", flush=True)
    while True:
        await transport.send(b"*IDN?")
        answer = await transport.receive()
        print(answer.decode(), flush=True)
        input()

trio.run(main)
"""


PYUSB = """
import usb.core

device = usb.core.find(idVendor=0x1209, idProduct=0x0001)
device.write(0x01, bytes([1, 1, 254, 0, 1, 0, 0, 0, 1, 0, 0, 0]) + b"?\\0\\0\\0")
device.write(0x01, bytes([2, 2, 253, 0, 9, 0, 0, 0, 0, 0, 0, 0]))
print(bytes(device.read(0x82, 512)).hex(" "), flush=True)
input()
try:
    device.read(0x82, 512)
except usb.core.USBError as error:
    print(error.errno)
"""


def idn(message: bytes) -> bytes:
    """Answer queries with what was asked."""
    return message.upper() if b"?" in message else b""


@pytest.fixture
def scope(bed: Bed) -> Scope:
    """An oscilloscope that is plugged in."""
    scope = Scope(idn)
    bed.plug(scope)
    return scope


@contextlib.asynccontextmanager
async def opened(text: str = SCOPE) -> AsyncGenerator[Transport, None]:
    """Open a transport and bound the test."""
    with trio.fail_after(10):
        transport = await open_transport(Address.parse(text), holder="scope")
        try:
            yield transport
        finally:
            await transport.aclose()


async def ask(transport: Transport, question: bytes) -> bytes:
    """Return the whole answer to a question, which is as long."""
    await transport.send(question)
    answer = b""
    while len(answer) < len(question):
        answer += await transport.receive()
    return answer


async def test_a_question_is_answered(scope: Scope) -> None:
    async with opened() as transport:
        assert await ask(transport, b"*idn?\n") == b"*IDN?\n"

    assert scope.messages == [b"*idn?\n"]


async def test_a_command_asks_for_no_answer(scope: Scope) -> None:
    """L1: a device that is asked although it has nothing to say notes an error."""
    async with opened() as transport:
        await transport.send(b"RUN\n")
        await transport.send(b"STOP\n")

    # That of the second message; the first was 1.
    assert scope.tags == [1, 2]


@pytest.mark.parametrize("size", [1, 3, 4, 500, 65520, 65521, 200_001])
async def test_long_messages_are_whole_however_they_are_cut(scope: Scope, size: int) -> None:
    question = b"x" * (size - 1) + b"?"
    scope.piece = 30_000
    async with opened() as transport:
        assert await ask(transport, question) == question.upper()

    assert scope.messages == [question]


async def test_each_transfer_has_a_tag_of_its_own(scope: Scope) -> None:
    """From 1 to 255 and around; 0 is none."""
    async with opened() as transport:
        for _ in range(150):
            await ask(transport, b"?")

    assert all(after == before % 255 + 1 for before, after in pairwise(scope.tags))
    assert len(scope.tags) == 300


async def test_an_answer_that_comes_too_late_is_the_next_receivers(scope: Scope) -> None:
    """L6: a cancelled receive has taken nothing, and does not ask twice."""
    scope.silent = True
    async with opened() as transport:
        await transport.send(b"late?")
        started = trio.current_time()
        with trio.move_on_after(0.1) as scope_:
            await transport.receive()
        elapsed = trio.current_time() - started
        with scope.lock:
            scope.silent = False
            scope.progress()
        answer = await transport.receive()

    assert scope_.cancelled_caught
    assert 0.1 <= elapsed < 0.15
    assert answer == b"LATE?"
    assert len(scope.tags) == 2


async def test_a_device_that_was_not_asked_in_time_is_asked_again(scope: Scope) -> None:
    """L6: the request has not left when the receiver is cancelled."""
    async with opened() as transport:
        await transport.send(b"late?")
        scope.deaf = True
        with trio.move_on_after(0.05):
            await transport.receive()
        scope.deaf = False

        assert await transport.receive() == b"LATE?"


async def test_a_device_with_nothing_to_say_is_not_asked_all_the_time(scope: Scope) -> None:
    """L7: some answer at once, with nothing."""
    async with opened() as transport:
        scope.empty = True
        await transport.send(b"late?")
        with trio.move_on_after(0.2):
            await transport.receive()
        asked = len(scope.tags)
        scope.empty = False

        assert await transport.receive() == b"LATE?"

    assert asked < 25


async def test_a_device_clear_drops_what_the_device_was_about_to_say(scope: Scope) -> None:
    """L2: the answer to the first question is nobody's any more."""
    async with opened() as transport:
        scope.silent = True
        await transport.send(b"late?")
        with trio.move_on_after(0.02):
            await transport.receive()
        cleared = await transport.clear()
        scope.silent = False

        assert cleared
        assert await ask(transport, b"next?") == b"NEXT?"

    # Once at the open.
    assert scope.cleared == 2


async def test_what_a_device_has_left_is_fetched_so_that_it_can_be_cleared(scope: Scope) -> None:
    """L2: and is nobody's answer."""
    async with opened() as transport:
        scope.rest = b"what it was about to say"

        assert await transport.clear()
        assert transport.receive_nowait() == b""
        assert await ask(transport, b"next?") == b"NEXT?"


async def test_what_a_device_has_kept_is_dropped_at_the_open(bed: Bed) -> None:
    """L1: an answer to somebody else's question."""
    pipe = Pipe()
    pipe.says += b"23.4"
    bed.plug(pipe)
    async with opened("usb://1209:0001?raw=1") as transport:
        with pipe.lock:
            pipe.says += b"24.5"
            pipe.progress()

        assert await transport.receive() == b"24.5"


async def test_what_nobody_takes_stays_in_the_device(bed: Bed) -> None:
    """L6: it cannot grow our buffer, and is there when somebody takes it."""
    pipe, flood = Pipe(), bytes(range(256)) * 4096
    bed.plug(pipe)
    async with opened("usb://1209:0001?raw=1") as transport:
        with pipe.lock:
            pipe.says += flood
            pipe.progress()
        await trio.sleep(0.1)
        left = len(pipe.says)
        received = b""
        while len(received) < len(flood):
            received += await transport.receive()

    assert left > len(flood) - 100_000
    assert received == flood


async def test_a_device_without_clear_says_so(scope: Scope) -> None:
    """L2."""
    scope.knows_clear = False
    async with opened() as transport:
        assert not await transport.clear()
        assert await ask(transport, b"next?") == b"NEXT?"


@pytest.mark.parametrize("knows_abort", [True, False])
async def test_half_a_message_is_dropped_before_the_next(scope: Scope, knows_abort: bool) -> None:  # noqa: FBT001 - a parameter
    """L4: the device would take the next message for the rest of it; what it was asked before stays."""
    scope.knows_abort = knows_abort
    async with opened() as transport:
        scope.room = len(scope.heard) + 7
        with trio.move_on_after(0.05) as cut:
            await transport.send(b"HEAT 40 AND THEN MORE")
        scope.room = 1 << 30

        assert cut.cancelled_caught
        assert await ask(transport, b"next?") == b"NEXT?"

    assert scope.messages == [b"next?"]
    assert scope.heard == b"HEAT 40next?"
    assert scope.aborted == ["out"] * knows_abort
    # Once at the open.
    assert scope.cleared == 2 - knows_abort
    assert scope.restarted == [0x01, 0x01]


async def test_half_a_long_message_is_cleared_away(scope: Scope) -> None:
    """L4: with its last transfer not all of it would be taken back."""
    async with opened() as transport:
        scope.room = 70_000
        with trio.move_on_after(0.05):
            await transport.send(bytes(80_000))
        scope.room = 1 << 30

        assert await ask(transport, b"next?") == b"NEXT?"

    assert scope.messages == [b"next?"]
    assert (scope.aborted, scope.cleared) == ([], 2)


@pytest.mark.parametrize("knows_abort", [True, False])
async def test_a_device_is_asked_no_more_before_it_is_told_something(scope: Scope, knows_abort: bool) -> None:  # noqa: FBT001 - a parameter
    """L4: the bed sees to it; what is under way then is nobody's answer, but what the device keeps comes."""
    scope.silent, scope.knows_abort, scope.rest = True, knows_abort, b"under way"
    async with opened() as transport:
        await transport.send(b"late?")
        with trio.move_on_after(0.02):
            await transport.receive()
        await transport.send(b"next?")
        scope.silent = False
        answer = await transport.receive()

    assert scope.messages == [b"late?", b"next?"]
    assert (scope.aborted, scope.cleared) == ((["in"], 1) if knows_abort else ([], 2))
    assert answer == (b"LATE?NEXT?" if knows_abort else b"NEXT?")


async def test_a_device_without_clear_is_asked_no_more_either(scope: Scope) -> None:
    """L2: so that another way to get in step can be tried."""
    scope.silent, scope.knows_clear = True, False
    async with opened() as transport:
        await transport.send(b"late?")
        with trio.move_on_after(0.02):
            await transport.receive()
        cleared = await transport.clear()
        await transport.send(b"next?")
        scope.silent = False

        assert await transport.receive() == b"LATE?NEXT?"

    assert not cleared
    assert scope.aborted == ["in"]


async def test_a_device_that_keeps_what_it_was_asked_takes_no_message(scope: Scope) -> None:
    """L3: better no link than an answer to what was asked before."""
    scope.silent, scope.knows_abort, scope.knows_clear = True, False, False
    async with opened() as transport:
        await transport.send(b"late?")
        with trio.move_on_after(0.02):
            await transport.receive()
        with pytest.raises(LinkLost, match="is in the middle of a message, and cannot be cleared"):
            await transport.send(b"next?")

    assert scope.messages == [b"late?"]


async def test_a_message_in_several_transfers_is_received_whole(scope: Scope) -> None:
    """L3: what looks like the end of a line may not be the end of the message."""
    scope.piece = 3
    async with opened() as transport:
        await transport.send(b"1?\n1?\n")

        assert await transport.receive() == b"1?\n1?\n"
    assert len(scope.tags) == 3


async def test_a_very_long_message_is_received_in_parts(scope: Scope) -> None:
    """L6: so that a device that never ends does not fill the memory."""
    async with opened() as transport:
        await transport.send(b"waveform?")
        scope.answer[:] = bytes(3 << 20)
        first = await transport.receive()
        received = len(first)
        while received < 3 << 20:
            received += len(await transport.receive())

    assert 1 << 20 <= len(first) < 1.1 * (1 << 20)
    assert received == 3 << 20


async def test_a_device_that_never_ends_its_messages_is_understood(scope: Scope) -> None:
    """L3: a little later; and it is cleared before it is told something else."""
    scope.says_ends = False
    async with opened() as transport:
        await transport.send(b"1?")
        started = trio.current_time()
        answer = await transport.receive()
        elapsed = trio.current_time() - started
        scope.answer += b"the rest of it, much too late"

        assert await ask(transport, b"next?") == b"NEXT?"

    assert answer == b"1?"
    assert 0.1 <= elapsed < 0.2
    assert scope.cleared == 2


async def test_a_device_that_has_nothing_to_say_is_not_asked(bed: Bed, scope: Scope) -> None:
    """L7: while nobody waits for an answer; yet it is seen when it goes."""
    async with opened() as transport:
        with trio.move_on_after(0.05) as nothing:
            await transport.receive_unasked()
        bed.unplug(scope)
        with pytest.raises(LinkLost, match=r"the device is gone$"):
            await transport.receive_unasked()

    assert nothing.cancelled_caught
    assert scope.tags == []


async def test_half_a_message_stays_when_the_device_cannot_be_cleared(scope: Scope) -> None:
    """L4: better no link than one with half a command in it."""
    async with opened() as transport:
        scope.room, scope.knows_clear, scope.knows_abort = 7, False, False
        with trio.move_on_after(0.05):
            await transport.send(b"HEAT 40 AND THEN MORE")
        scope.room = 1 << 30
        with pytest.raises(LinkLost, match="is in the middle of a message, and cannot be cleared"):
            await transport.send(b"next?")

    assert scope.messages == []


async def test_an_answer_to_another_request_is_no_answer(scope: Scope) -> None:
    """L3."""
    async with opened() as transport:
        scope.tag_lie = 1
        await transport.send(b"?")
        with pytest.raises(LinkLost, match=r"the device answers request 3, not 2$"):
            await transport.receive()


async def test_an_unplug_is_seen_while_nobody_asks(bed: Bed, scope: Scope) -> None:
    """L7."""
    async with opened() as transport:
        bed.unplug(scope)
        await trio.sleep(0.1)
        with pytest.raises(LinkLost, match=r"the device is gone$"):
            transport.receive_nowait()


async def test_a_device_that_returns_under_another_number_is_found_again(bed: Bed) -> None:
    """L12: by its serial number; and to pyusb the one before is gone for good."""
    answers: list[bytes] = []
    for number in (2, 7, 3):
        scope = Scope(idn)
        scope.number, scope.location = number, f"1-{number}"
        bed.plug(scope)
        async with opened() as transport:
            answers.append(await ask(transport, b"?"))
            bed.unplug(scope)
            with pytest.raises(LinkLost):
                await ask(transport, b"?")
        with pytest.raises(DeviceAbsent, match="no such device"):
            await open_transport(Address.parse(SCOPE), holder="scope")

    assert answers == [b"?"] * 3
    assert claims() == {}


async def test_a_device_that_does_not_answer_at_the_open_is_absent(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLR-10: it is closed then, and can be opened when it has come to itself."""
    monkeypatch.setattr(usb_module, "_GREETING_LIMIT", 0.1)
    scope.answers = False
    with (
        trio.fail_after(1),
        pytest.raises(DeviceAbsent, match=r"^usb://1209:0001/SN0001: no answer within 0\.1 s$"),
    ):
        await open_transport(Address.parse(SCOPE), holder="scope")
    claimed = claims()
    scope.answers = True
    async with opened() as transport:
        answer = await ask(transport, b"?")

    assert claimed == {}
    assert answer == b"?"


async def test_two_devices_alike_are_told_apart_by_where_they_are(bed: Bed) -> None:
    """L8: never the wrong one."""
    for number in (2, 3):
        scope = Scope(f"{number}".encode().__add__)
        scope.number, scope.location = number, f"1-{number}"
        bed.plug(scope)
    with pytest.raises(ConfigError, match=r"there are 2 such devices: /dev/bus/usb/001/002, /dev/bus/"):
        await open_transport(Address.parse(SCOPE), holder="scope")
    async with opened(f"{SCOPE}?location=1-3") as transport:
        await transport.send(b"?")

        assert await transport.receive() == b"3?"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("usb://1209:0001", "it has no USBTMC"),
        ("usb://1209:0001?interface=3&raw=1", "its interface 3 has no bulk endpoints"),
    ],
)
async def test_an_interface_that_is_not_there_is_a_mistake(bed: Bed, text: str, sentence: str) -> None:
    bed.plug(Pipe())
    with pytest.raises(ConfigError, match=sentence):
        await open_transport(Address.parse(text), holder="scope")


@pytest.fixture
def other() -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start another process that holds the device."""
    with contextlib.ExitStack() as stack:

        def start() -> subprocess.Popen[str]:
            process = subprocess.Popen(  # noqa: S603 - ours
                [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            return process

        yield start


async def test_of_two_processes_the_second_is_told_who_holds_it(
    scope: Scope, other: Callable[[], subprocess.Popen[str]]
) -> None:
    """L9: the first loses nothing; when it is killed, the second gets the device at once."""
    first = other()
    assert first.stdout is not None
    assert first.stdin is not None
    before = first.stdout.readline()
    with pytest.raises(PortInUse, match=rf"^/dev/bus/usb/001/002 is held by pid {first.pid} \("):
        await open_transport(Address.parse(SCOPE), holder="scope")
    first.stdin.write("\n")
    first.stdin.flush()
    after = first.stdout.readline()
    first.kill()
    first.wait()
    started = trio.current_time()
    async with opened() as transport:
        elapsed = trio.current_time() - started
        answer = await ask(transport, b"mine?")

    assert (before, after) == ("*IDN?\n", "*IDN?\n")
    assert answer == b"MINE?"
    assert elapsed < 0.5
    assert scope.messages[-1] == b"mine?"


def test_pyusb_itself_talks_to_the_bed(bed: Bed, scope: Scope) -> None:
    """L7: the bed is no friend of ours; to pyusb too it is a device like others, until it is unplugged."""
    command = [sys.executable, "-c", PYUSB]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        answer = process.stdout.readline()
        bed.unplug(scope)
        words, _ = process.communicate("\n", timeout=10)

    assert answer == "02 02 fd 00 01 00 00 00 01 00 00 00 3f 00 00 00\n"
    assert words == "19\n"


def test_the_list_of_ports_has_an_address_that_opens_it(
    bed: Bed, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same device by name, as ``labtroupe ports`` prints it."""
    code = main(["ports", "-o", "json"])
    (found,) = [each for each in json.loads(capsys.readouterr().out) if each["kind"] == "usb"]

    assert code == 0
    assert found["address"] == SCOPE
    assert found["path"] == "/dev/bus/usb/001/002"


def plug_serial(folder: Path) -> None:
    """Describe an adapter with a serial port as Linux does."""
    device = folder / "sys/devices/pci0000:00/usb1/1-4"
    port = device / "1-4:1.0/ttyUSB3"
    (port / "tty/ttyUSB3").mkdir(parents=True)
    values = {"idVendor": "0403", "idProduct": "6001", "serial": "A6004byf", "product": "FT232R"}
    for name, value in {**values, "bNumInterfaces": "1", "devpath": "4"}.items():
        (device / name).write_text(f"{value}\n")
    (port / "subsystem").symlink_to(folder / "sys/bus/usb-serial")
    (folder / "sys/bus/usb-serial").mkdir(parents=True)
    (folder / "sys/class/tty/ttyUSB3").mkdir(parents=True)
    (folder / "sys/class/tty/ttyUSB3/device").symlink_to(
        "../../../devices/pci0000:00/usb1/1-4/1-4:1.0/ttyUSB3"
    )
    (folder / "dev/ttyUSB3").write_text("")


def test_a_serial_adapter_is_listed_as_the_kernel_describes_it(
    bed: Bed, capsys: pytest.CaptureFixture[str]
) -> None:
    plug_serial(bed.folder)
    main(["ports", "-o", "json"])
    found = [each for each in json.loads(capsys.readouterr().out) if each["path"] == "/dev/ttyUSB3"]

    assert [each["address"] for each in found] == ["serial:?vid=0403&pid=6001&serial_number=A6004byf"]
    assert [each["description"] for each in found] == ["FT232R"]
