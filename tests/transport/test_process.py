"""What only programs have: command lines, exit codes, error output, and an end of their own."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio

from labtroupe.errors import ConfigError, DeviceAbsent, LinkError, LinkLost
from labtroupe.transport import Address, ProcessAddress, Transport, claims, open_transport

from ._peers import is_running


@contextlib.asynccontextmanager
async def running(*argv: str) -> AsyncGenerator[Transport, None]:
    """Run a program, bounded."""
    with trio.fail_after(5):
        transport = await open_transport(ProcessAddress(argv), holder="stage")
        try:
            yield transport
        finally:
            await transport.aclose()


async def last_words(transport: Transport) -> str:
    """Return all that a program says until it ends, and how it does."""
    said = b""
    try:
        while True:
            said += await transport.receive()
    except LinkLost as error:
        return said.decode() + str(error).rpartition(": ")[2]


def shell(script: str) -> tuple[str, ...]:
    """Return the command line of a small program."""
    return ("/bin/sh", "-c", script)


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("process:stage", ("stage",)),
        ("process:/opt/stage --axis 1 -v", ("/opt/stage", "--axis", "1", "-v")),
        ("""process:'/opt/my tools/stage' "x 1" """, ("/opt/my tools/stage", "x 1")),
        ("process:stage where? a=b&c=d", ("stage", "where?", "a=b&c=d")),
        ("process:stage $HOME ~ ; rm *", ("stage", "$HOME", "~", ";", "rm", "*")),
    ],
)
def test_an_address_is_a_command_line_without_a_shell(text: str, argv: tuple[str, ...]) -> None:
    address = Address.parse(text)

    assert address == ProcessAddress(argv)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("process:", "it names no program"),
        ("process:''", "it names no program"),
        ("process:a 'b", "No closing quotation"),
    ],
)
def test_a_wrong_command_line_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Address.parse(text)


async def test_a_program_that_ends_is_lost_with_its_exit_code_after_its_last_words() -> None:
    """L7."""
    async with running(*shell("echo over; exit 3")) as transport:
        assert await last_words(transport) == "over\nthe program has ended (exit code 3)"


async def test_it_is_lost_although_what_it_has_started_holds_its_output() -> None:
    """L7: within 0.1 s, whether or not somebody was waiting for it."""
    async with running(*shell("sleep 60 & read line; exit 2")) as transport:
        await transport.send(b"go\n")
        with trio.fail_after(0.1):
            assert await last_words(transport) == "the program has ended (exit code 2)"


async def test_a_program_that_is_killed_is_lost_with_the_signal() -> None:
    """L7."""
    async with running(*shell("kill -9 $$")) as transport:
        assert await last_words(transport) == "the program has ended (signal 9, Killed)"


async def test_a_program_that_closes_its_output_is_lost() -> None:
    """L7: it will never answer again."""
    async with running(*shell("exec >&-; read line")) as transport:
        assert await last_words(transport) == "it has closed its output"


async def test_its_error_output_is_logged_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    script = "echo 'axis 1 found' >&2; read line; printf '%05000d\\nfine \\377' 0 | tr 0 x >&2"
    async with running(*shell(script)) as transport:
        await transport.send(b"go\n")
        with contextlib.suppress(LinkLost):
            await transport.receive()

    lines = [record.message.removeprefix(f"{transport.address}: ").strip() for record in caplog.records]
    assert lines[0] == "axis 1 found"
    assert lines[-1] == r"fine \xff"
    # The long one is there whole, in pieces.
    assert "".join(lines[1:-1]) == "x" * 5000
    assert max(map(len, lines)) == 2000


async def test_much_error_output_does_not_stop_it() -> None:
    """PLR-1: a pipe that nobody reads would."""
    script = "head -c 1000000 /dev/zero | tr '\\0' '\\n' >&2; echo done"
    async with running(*shell(script)) as transport:
        assert await transport.receive() == b"done\n"


async def test_it_is_asked_to_end_by_the_end_of_its_input(caplog: pytest.LogCaptureFixture) -> None:
    """S9: so that it can leave its device in order."""
    async with running(*shell("trap 'echo term >&2' TERM; cat; echo 'parked' >&2")) as transport:
        await transport.send(b"x")
        await transport.receive()

    assert [record.message.rpartition(": ")[2] for record in caplog.records] == ["parked"]


async def test_then_by_a_signal_also_if_the_close_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """S9."""
    script = "trap 'echo parked >&2; exit' TERM; echo up; while :; do sleep 0.01; done"
    async with running(*shell(script)) as transport:
        await transport.receive()
        with trio.CancelScope() as scope:
            scope.cancel()
            await transport.aclose()

    # The shell has a word for its own child.
    assert [record.message.rpartition(": ")[2] for record in caplog.records][-1] == "parked"


async def test_one_that_does_not_listen_is_killed_with_all_it_has_started() -> None:
    """S2, PLR-13."""
    script = "trap '' TERM; sleep 60 & echo $! $$; while :; do sleep 60; done"
    async with running(*shell(script)) as transport:
        pids = list(map(int, (await transport.receive()).split()))
        before = [is_running(pid) for pid in pids]
        started = trio.current_time()
        await transport.aclose()
        elapsed = trio.current_time() - started
        while any(map(is_running, pids)):  # noqa: ASYNC110 - nobody is told of a grandchild
            await trio.sleep(0.001)

    assert before == [True, True]
    assert elapsed < 1.5
    assert claims() == {}


async def test_it_inherits_nothing_and_is_not_reached_by_our_ctrl_c() -> None:
    """L9: an inherited descriptor would keep a port locked."""
    script = (
        "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1], os.getsid(0) == os.getpid())"
    )
    async with running(sys.executable, "-I", "-S", "-c", script) as transport:
        words = await last_words(transport)

    assert words.startswith("[0, 1, 2] True\n")


async def test_a_cancelled_open_leaves_no_process(tmp_path: Path) -> None:
    """PLR-10."""
    trace = tmp_path / "pid"
    with trio.move_on_after(0) as scope:
        await open_transport(ProcessAddress(shell(f"echo $$ >{trace}; sleep 60")), holder="stage")
    await trio.sleep(0.05)

    assert scope.cancelled_caught
    assert not trace.exists() or not is_running(int(trace.read_text() or "0"))
    assert claims() == {}


async def test_a_program_that_is_not_there_is_an_absent_device(tmp_path: Path) -> None:
    for program in ("no-such-program", f"{tmp_path}/stage"):
        with pytest.raises(DeviceAbsent, match=f"there is no program {re.escape(program)}$"):
            await open_transport(ProcessAddress((program,)), holder="stage")


async def test_what_is_no_program_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "stage"
    path.write_text("hello")
    with pytest.raises(ConfigError, match=r"may not be run by this user$") as caught:
        await open_transport(ProcessAddress((str(path),)), holder="stage")
    path.chmod(0o700)
    with pytest.raises(LinkError, match=r"cannot run .* \(Exec format error\)$"):
        await open_transport(ProcessAddress((str(path),)), holder="stage")

    assert caught.value.remedy == f"Make it a program: `chmod +x {path}`."
