"""Benches in processes of their own: how they begin, go on and end."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import termios
import time
from collections.abc import Iterator

import pytest

from labtroupe.client import Client

from ._benches import PATIENCE, Place, Program, wait_until
from .conftest import Shell

ONE_HEATER = """
[bench]
name = "{name}"
[instruments.heater]
kind = "linkam-t95"
address = "sim:linkam-t95"
"""

IN_PYTHON = """
import attrs
from labtroupe import BenchSpec, InstrumentSpec, command
from labtroupe.kinds import LinkamT95

bench = BenchSpec("hood")

@attrs.define(eq=False)
class Doubling(LinkamT95):
    factor: float = 1.0

    @command
    async def double(self, number: float) -> float:
        return self.factor * number

@bench.instrument
def heater() -> InstrumentSpec[Doubling]:
    return InstrumentSpec(Doubling, "serial:/dev/ttyUSB7", factor=2)
"""


def clock_and(text: str) -> str:
    """Return a pattern for a line about an event."""
    return rf"^\d\d:\d\d:\d\d\.\d{{3}}  {text}$"


# --- beginning and ending


def test_run_says_what_runs_and_how_to_talk_to_it(place: Place) -> None:
    with place.running("greets", ONE_HEATER) as program:
        program.wait_for(clock_and("heater  running"))

        assert program.seen.splitlines()[:2] == [
            "greets: runs heater (sim); Ctrl-C stops it in order",
            "From another shell: labtroupe status, labtroupe show heater, labtroupe events --follow",
        ]


def test_a_simulated_run_is_marked_everywhere_and_called_otherwise(place: Place, shell: Shell) -> None:
    """OA-16: so nobody takes it for the real bench, nor what is halted in it."""
    file = place.bench("real", ONE_HEATER.replace("sim:linkam-t95", "serial:?serial_number=A6004byf"))
    with place.started("run", str(file), "--simulate") as program:
        program.wait_for(clock_and("heater  running"))
        shown = [
            shell(*words, "--bench", "real.sim").out for words in (["status"], ["tree"], ["show", "heater"])
        ]
        status = json.loads(shell("status", "-o", "json").out)
        shell("halt", "heater", "--reason", "smoke")

        assert program.seen.splitlines()[0] == "real.sim: runs heater (sim); Ctrl-C stops it in order"
        assert [len(re.findall(r"\((sim|simulated)\)", each)) for each in shown] == [1, 1, 1]
        assert (status["bench"], status["instruments"][0]["simulated"]) == ("real.sim", True)
        assert place.latches("real.sim").exists()
        assert not place.latches("real").exists()


def test_a_bench_in_python_is_checked_and_run_like_any_other(place: Place, shell: Shell) -> None:
    """DOD-1: with the same words."""
    (place.files / "my_bench.py").write_text(IN_PYTHON)
    file = str(place.files / "my_bench.py")
    assert place.labtroupe("check", file).stdout == f"{file}: ok, 1 instrument\n"
    with place.started("run", "my_bench:bench", "--simulate") as program:
        program.wait_for(clock_and("heater  running"))

        assert program.seen.splitlines()[0] == "hood.sim: runs heater (sim); Ctrl-C stops it in order"
        assert shell("call", "heater", "double", "21", "--bench", "hood.sim").out == "42.0\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0)])
def test_a_signal_ends_it_in_order(place: Place, number: signal.Signals, code: int) -> None:
    """S2: dependents before what they depend on, and the last line says so."""
    with place.running("ends") as program:
        program.wait_for(clock_and("psu     running"))
        program.process.send_signal(number)

        assert program.wait_end() == code
        assert program.errors() == ""
        assert re.fullmatch(
            r"ends: stopped in order in \d\.\d s, all ports closed", program.seen.splitlines()[-1]
        )
        assert program.seen.index("psu     stopped") < program.seen.index("heater  stopped")


def test_a_signal_while_it_starts_ends_it_too(place: Place) -> None:
    with place.running("early", ONE_HEATER) as program:
        assert program.interrupt() == 130
        assert program.errors() == ""
        assert re.match("early: stopped", program.seen.splitlines()[-1])


def test_a_second_signal_leaves_at_once(place: Place) -> None:
    stubborn = ONE_HEATER.replace("linkam-t95", "slow_kinds:Stubborn", 1)
    with place.running("stubborn", stubborn + "shutdown = 20.0\n") as program:
        program.wait_for(clock_and("heater  running"))
        program.process.send_signal(signal.SIGINT)
        program.wait_for("heater  stopping")
        began = time.monotonic()

        assert program.interrupt() == 130
        assert time.monotonic() - began < 10
        assert program.errors() == "labtroupe: left at once; what was not stopped yet was left as it is\n"


def test_an_instrument_that_does_not_close_is_named_at_the_end(place: Place) -> None:
    stubborn = ONE_HEATER.replace("linkam-t95", "slow_kinds:Stubborn", 1)
    with place.running("unclosed", stubborn + "shutdown = 0.1\n") as program:
        program.wait_for(clock_and("heater  running"))
        program.interrupt()

        assert re.fullmatch(
            r"unclosed: stopped in \d\.\d s, but not closed properly: heater", program.seen.splitlines()[-1]
        )


def test_the_socket_is_gone_with_the_bench(place: Place) -> None:
    with place.running("gone", ONE_HEATER) as program:
        program.wait_for(clock_and("heater  running"))
        socket = place.runtime / "labtroupe" / "gone.sock"
        assert socket.is_socket()
        assert socket.stat().st_mode & 0o077 == 0
        assert socket.parent.stat().st_mode & 0o077 == 0
        program.interrupt()

        assert not socket.exists()


# --- what can go wrong at the start


def test_a_bench_that_runs_already_is_refused_before_it_touches_a_port(place: Place, shell: Shell) -> None:
    with place.running("twice", ONE_HEATER) as program:
        program.wait_for(clock_and("heater  running"))
        result = place.labtroupe("run", str(place.bench("twice", ONE_HEATER)))

        assert result.returncode == 3
        assert result.stdout == ""
        assert result.stderr.splitlines()[0] == (
            f"labtroupe: a bench named 'twice' is running already, as process {program.process.pid}"
        )
        assert shell("status", "--bench", "twice").code == 0


def test_a_bench_that_was_killed_starts_again_at_once(place: Place, shell: Shell) -> None:
    """The lock goes with its process, and the socket it leaves is no obstacle."""
    with place.running("killed", ONE_HEATER) as program:
        program.process.kill()
        program.wait_end()
    assert (place.runtime / "labtroupe" / "killed.sock").exists()
    assert shell("status", "--bench", "killed").code == 3
    with place.running("killed", ONE_HEATER) as program:
        program.wait_for(clock_and("heater  running"))

        assert shell("status", "--bench", "killed").code == 0


def test_a_file_with_mistakes_is_not_run(place: Place) -> None:
    file = place.bench("wrong", ONE_HEATER.replace("kind", "knid"))
    result = place.labtroupe("run", str(file))

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"labtroupe: {file}:")
    assert "Traceback" not in result.stderr


def test_a_required_instrument_that_is_absent_ends_the_run(place: Place) -> None:
    text = ONE_HEATER.replace("sim:linkam-t95", "serial:/nowhere/at-all") + 'connect = "required"\n'
    result = place.labtroupe("run", str(place.bench("required", text)))

    assert result.returncode == 1
    assert result.stderr.startswith("labtroupe: heater: given up: ")
    assert "heater  failed: serial:/nowhere/at-all: no such device" in result.stdout
    assert result.stdout.splitlines()[-1] == "required: stopped in order in 0.0 s, all ports closed"
    assert "Traceback" not in result.stderr


def test_an_absent_device_is_tried_again_and_given_no_faults(place: Place, shell: Shell) -> None:
    text = ONE_HEATER.replace("sim:linkam-t95", "serial:/nowhere/at-all")
    with place.running("absent", text) as program:
        program.wait_for(clock_and(r"heater  backoff, next try in \d\.\d s: serial:/nowhere/at-all: .*"))
        row = shell("status", "--bench", "absent").out.splitlines()[-1]
        fault = shell("fault", "heater", "mute", "--bench", "absent")

        assert re.fullmatch(
            r"heater +backoff +never +- +0/16 +next try in \d\.\d s: serial:/nowhere/at-all: .*", row
        )
        assert fault.code == 6
        assert fault.err.startswith("labtroupe: heater: this is a real device")


@pytest.fixture
def held_port() -> Iterator[str]:
    """A serial port that another program, this one, holds."""
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    fcntl.flock(slave, fcntl.LOCK_EX)
    fcntl.ioctl(slave, termios.TIOCEXCL)
    yield path
    os.close(slave)
    os.close(master)


def test_a_port_that_is_held_is_waited_for_and_its_holder_named(
    place: Place, shell: Shell, held_port: str
) -> None:
    """L9: the bench goes on without it, and status says why."""
    text = ONE_HEATER.replace("sim:linkam-t95", f"serial:{held_port}")
    with place.running("held", text) as program:
        program.wait_for(clock_and(r"heater  backoff, next try in .*"))
        result = shell("status", "--bench", "held")

        assert result.code == 3
        row = result.out.splitlines()[-1]
        assert re.match(r"heater +(backoff|starting) +never +- ", row)
        assert program.seen.count(str(os.getpid())) >= 1


# --- its output


def test_a_closed_output_does_not_end_it(place: Place, shell: Shell) -> None:
    with place.running("mute", ONE_HEATER) as program:
        assert program.process.stdout is not None
        program.wait_for(clock_and("heater  running"))
        program.process.stdout.close()
        assert shell("restart", "heater", "--bench", "mute").code == 0
        assert shell("status", "--bench", "mute").code == 0
        program.process.send_signal(signal.SIGINT)

        assert program.process.wait(PATIENCE) == 130
        assert program.errors() == ""


def test_an_output_that_nobody_reads_holds_up_nobody(place: Place) -> None:
    """As on a terminal that was paused with Ctrl-S."""
    with place.running("paused", ONE_HEATER) as program:
        program.wait_for(clock_and("heater  running"))
        assert program.process.stdout is not None
        size = fcntl.fcntl(program.process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        client = Client(place.runtime / "labtroupe" / "paused.sock")
        for _ in range(size // 20):
            client.inject("heater", "clear")

        assert client.status().bench == "paused"
        assert program.interrupt() == 130


def test_output_goes_to_a_file_line_by_line(place: Place) -> None:
    """In a file there is always room, and epoll knows nothing of files."""
    log = place.files / "log"
    with place.started("run", str(place.bench("logged", ONE_HEATER)), script=f'exec "$@" >{log}') as program:
        wait_until(lambda: log.exists() and "heater  running" in log.read_text())
        program.interrupt()

    assert log.read_text().splitlines()[-1].endswith("all ports closed")


def test_a_bench_without_any_output_runs(place: Place) -> None:
    with place.started("run", str(place.bench("dumb", ONE_HEATER)), script='exec "$@" >&-') as program:
        path = place.runtime / "labtroupe" / "dumb.sock"
        wait_until(path.exists)
        wait_until(lambda: Client(path).status().instruments[0].state == "running")

        assert program.interrupt() == 130
        assert program.errors() == ""


# --- its clients


@pytest.fixture
def called(place: Place) -> Iterator[tuple[Program, Program]]:
    """A bench, and who waits for an answer."""
    with (
        place.running("called") as program,
        place.started("call", "slow", "wait", "--bench", "called") as caller,
    ):
        client = Client(place.runtime / "labtroupe" / "called.sock")
        wait_until(lambda: client.status("slow").instruments[0].current is not None)
        yield program, caller


def test_ctrl_c_in_a_call_cancels_the_command(called: tuple[Program, Program]) -> None:
    """R4: the caller is gone, and the device is not left working for nobody."""
    program, caller = called

    assert caller.interrupt() == 130
    assert caller.errors() == "\nlabtroupe: slow: wait was cancelled; the device may have acted\n"
    program.wait_for(clock_and(r"slow    Slow\.wait\(\) failed, outcome unknown: .*"))


def test_a_call_whose_bench_goes_away_has_an_unknown_outcome(called: tuple[Program, Program]) -> None:
    """R3: nobody can say any more whether the device has acted."""
    program, caller = called
    program.process.kill()

    assert caller.wait_end() == 5
    assert caller.errors().splitlines()[:2] == [
        "labtroupe: the bench called has gone: it was stopped, or killed",
        "  outcome: unknown (the device may have acted)",
    ]


@pytest.fixture
def followed(place: Place) -> Iterator[tuple[Program, Program]]:
    """A bench, and who follows its events."""
    with (
        place.running("followed", ONE_HEATER) as program,
        place.started("events", "--follow", "-o", "jsonl", "--bench", "followed") as follower,
    ):
        program.wait_for(clock_and("heater  running"))
        follower.wait_for('"after":"running"')
        yield program, follower


def test_following_ends_quietly_with_ctrl_c(followed: tuple[Program, Program]) -> None:
    _, follower = followed

    assert follower.interrupt() == 130
    assert follower.errors() == ""
    assert all(json.loads(line)["kind"] for line in follower.seen.splitlines())


def test_following_ends_with_the_bench_and_says_so(followed: tuple[Program, Program]) -> None:
    program, follower = followed
    program.interrupt()

    assert follower.wait_end() == 3
    error = json.loads(follower.errors())["error"]
    assert (error["code"], error["message"].split(":")[0]) == ("bench", "the bench followed has gone")


def test_a_reader_that_has_seen_enough_is_no_error(place: Place) -> None:
    with place.running("read", ONE_HEATER) as program:
        program.wait_for(clock_and("heater  running"))
        result = place.labtroupe("events", "--bench", "read", script='"$@" | true; exit ${PIPESTATUS[0]}')

        assert (result.returncode, result.stderr) == (0, "")


# --- which bench


def test_without_a_bench_commands_say_so(shell: Shell) -> None:
    result = shell("status")

    assert result.code == 3
    assert result.err == "labtroupe: no bench is running\n  Start it with `labtroupe run bench.toml`.\n"


def test_of_several_benches_one_must_be_named(
    place: Place, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.running("left", ONE_HEATER), place.running("right", ONE_HEATER):
        unnamed = shell("status")
        named = shell("status", "--bench", "right", "-o", "json")
        by_path = shell("status", "--bench", str(place.runtime / "labtroupe" / "left.sock"), "-o", "json")
        monkeypatch.setenv("LABTROUPE_BENCH", "left")
        by_environment = shell("status", "-o", "json")
        wrong = shell("status", "--bench", "middle")

    assert unnamed.code == 2
    assert unnamed.err.startswith("labtroupe: 2 benches are running: left, right; choose one with --bench")
    assert json.loads(named.out)["bench"] == "right"
    assert json.loads(by_path.out)["bench"] == "left"
    assert json.loads(by_environment.out)["bench"] == "left"
    assert wrong.code == 3
    assert wrong.err.startswith("labtroupe: no bench named 'middle' is running; running: left, right")
