"""Halting and resetting from the command line, against benches in processes of their own."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import time
from collections.abc import Generator

import pytest

from labtroupe.client import Client
from labtroupe.records import InstrumentStatus

from ._benches import Place, Program, wait_until
from .conftest import Shell
from .test_run import clock_and

SUPPLY_AND_HEATER = """
[bench]
name = "{name}"
[instruments.heater]
kind = "linkam-t95"
address = "sim:linkam-t95"
[instruments.psu]
kind = "dc-power-supply"
address = "sim:dc-power-supply"
[instruments.meter]
kind = "scpi"
address = "sim:scpi"
"""

DEAF = """
[bench]
name = "{name}"
[instruments.deaf]
kind = "slow_kinds:Deaf"
address = "sim:linkam-t95"
shutdown = 0.1
[instruments.psu]
kind = "dc-power-supply"
address = "sim:dc-power-supply"
"""


def look(place: Place, bench: str, name: str) -> InstrumentStatus:
    """Look at one instrument."""
    return Client(place.runtime / "labtroupe" / f"{bench}.sock").status(name).instruments[0]


@contextlib.contextmanager
def busy(place: Place, bench: str, name: str) -> Generator[Program]:
    """Have somebody wait for a long command."""
    with place.started("call", name, "wait", "--bench", bench) as caller:
        wait_until(lambda: look(place, bench, name).current is not None)
        yield caller


# --- what a halt does


def test_a_halt_cuts_off_what_runs_and_refuses_what_waits(place: Place, shell: Shell) -> None:
    """S10, R3: each is told what became of it, and nothing that waited has begun."""
    with place.running("busy") as program:
        program.wait_for(clock_and("slow    running"))
        with (
            busy(place, "busy", "slow") as running,
            place.started("call", "slow", "hold", "--bench", "busy") as waiting,
        ):
            wait_until(lambda: look(place, "busy", "slow").mailbox == 1)
            halted = shell("halt", "slow", "--reason", "smoke", "--bench", "busy")

            assert (halted.code, halted.out, halted.err) == (0, "slow: confirmed\n", "")
            assert running.wait_end() == 5
            assert running.errors().startswith(
                "labtroupe: slow: halted (smoke): Slow.wait() was cut off\n  outcome: unknown"
            )
            assert waiting.wait_end() == 6
            assert waiting.errors().splitlines()[:2] == [
                "labtroupe: slow: halted (smoke): LinkamT95.hold() was still in the mailbox",
                "  outcome: not sent (nothing has reached the device)",
            ]
        refused = shell("call", "slow", "status", "--bench", "busy")
        neighbour = shell("call", "heater", "status", "--bench", "busy")

        assert refused.code == 6
        assert refused.err.startswith("labtroupe: slow: halted (smoke): LinkamT95.status() was not")
        assert neighbour.code == 0


def test_a_latch_survives_the_process_and_a_reset_lets_go(place: Place, shell: Shell) -> None:
    """S10: also where the process was killed; and once reset, the next one knows nothing of it."""
    with place.running("killed", SUPPLY_AND_HEATER) as program:
        program.wait_for(clock_and("psu     running"))
        assert shell("call", "psu", "set_voltage", "5", "--bench", "killed").code == 0
        assert shell("halt", "psu", "--reason", "smoke", "--bench", "killed").code == 0
        program.process.kill()
        program.process.wait()

    with place.running("killed", SUPPLY_AND_HEATER) as program:
        program.wait_for(clock_and("psu     safe state confirmed"))
        status = shell("status", "psu", "--bench", "killed")
        refused = shell("call", "psu", "switch", "on", "--bench", "killed")
        reset = shell("reset", "psu", "--reason", "aired", "--bench", "killed")
        assert program.seen.index("psu     halted: smoke") < program.seen.index("starting")
        assert (status.code, status.out.splitlines()[0]) == (3, "killed: 0 of 1 running")
        assert re.search(
            r"halted .* smoke \(it is running\); safe state confirmed$", status.out, re.MULTILINE
        )
        assert (refused.code, refused.err.splitlines()[0][:32]) == (6, "labtroupe: psu: halted (smoke): ")
        assert (reset.code, reset.out) == (0, "psu: not halted any more\n")
        program.wait_for(clock_and("psu     not halted any more: aired"))
        assert shell("call", "psu", "switch", "on", "--bench", "killed").code == 0
        assert not place.latches("killed").exists()


@pytest.mark.slow
def test_what_cannot_be_reached_is_made_safe_as_soon_as_it_can(place: Place, shell: Shell) -> None:
    """S9: nothing is confirmed that is not known, and the latch does not let go before the cable is back."""
    with place.running("unplugged", SUPPLY_AND_HEATER) as program:
        for name in ("heater", "psu   ", "meter "):
            program.wait_for(clock_and(f"{name}  running"))
        for words in (["psu", "set_voltage", "5"], ["psu", "switch", "on"]):
            assert shell("call", *words, "--bench", "unplugged").code == 0
        shell("fault", "psu", "unplug", "--bench", "unplugged")
        program.wait_for(clock_and("psu     backoff.*"))
        halted = shell("halt", "--all", "--bench", "unplugged", "-o", "json")
        shell("fault", "psu", "plug", "--bench", "unplugged")
        program.wait_for(clock_and("psu     safe state confirmed"))
        latched = look(place, "unplugged", "psu").latch
        shell("reset", "psu", "--reason", "plugged in", "--bench", "unplugged")
        output = json.loads(shell("call", "psu", "status", "--bench", "unplugged", "-o", "json").out)

        assert halted.code == 1
        assert [(each["instrument"], each["confirmed"]) for each in json.loads(halted.out)["reports"]] == [
            ("heater", True),
            ("psu", False),
            ("meter", False),
        ]
        assert [each["reason"] for each in json.loads(halted.out)["reports"]] == [
            "",
            "it is not running",
            "no safe state is declared",
        ]
        assert latched is not None
        assert (latched.reason, latched.confirmed) == ("halted by an operator", True)
        assert output["value"]["on"] is False


def test_a_halt_that_cannot_be_written_down_halts_and_says_so(place: Place, shell: Shell) -> None:
    """S10: the halt does not depend on the disk, and whoever halts knows what it will not survive."""
    with place.running("unkept", SUPPLY_AND_HEATER) as program:
        program.wait_for(clock_and("heater  running"))
        folder = place.latches("unkept").parent
        aside = folder.rename(folder.with_name("aside")) if folder.exists() else None
        folder.parent.mkdir(exist_ok=True)
        folder.touch()
        result = shell("halt", "heater", "--bench", "unkept")
        event = program.wait_for(clock_and(r" +the next process will not know what is halted: .*"))
        folder.unlink()
        if aside is not None:
            aside.rename(folder)

        assert (result.code, result.out) == (1, "heater: confirmed\n")
        assert result.err.startswith("labtroupe: halted, but not any more if the bench's process is started")
        assert str(place.latches("unkept")) in event[0]
        assert shell("call", "heater", "status", "--bench", "unkept").code == 6


def test_a_damaged_file_of_latches_keeps_a_bench_from_starting(place: Place) -> None:
    """S10: nobody can say whether something was halted, so a person has to look."""
    path = place.latches("damaged")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"heater": {"reason": "smo')
    with place.started("run", str(place.bench("damaged", SUPPLY_AND_HEATER))) as program:
        assert program.wait_end() == 3
        sentence, remedy = program.errors().splitlines()

    assert sentence.startswith(f"labtroupe: {path} says what is halted, and cannot be read: ")
    assert remedy == "  See that the bench is safe, then remove the file."


# --- what is asked for wrongly


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("halt", 2, "say which: either names or --all"),
        ("halt psu --all", 2, "say which: either names or --all"),
        ("halt psu pump", 4, "there is no instrument 'pump' on this bench"),
        ("reset psu", 2, "missing option '--reason'"),
        ("reset psu --reason", 2, "option '--reason' requires an argument"),
        ("reset --reason aired", 2, "missing argument 'NAME...'"),
        ("reset psu pump --reason aired", 4, "there is no instrument 'pump' on this bench"),
    ],
)
def test_what_is_asked_for_wrongly_changes_nothing(
    place: Place, shell: Shell, line: str, code: int, sentence: str
) -> None:
    result = shell(*line.split())

    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"labtroupe: {sentence}")
    assert look(place, "one", "psu").latch is None


def test_a_reset_without_a_reason_is_refused(bench: Program, shell: Shell) -> None:
    """S10: by a person, with a reason."""
    bench.wait_for(r"psu +running$")
    result = shell("reset", "psu", "--reason", " ")

    assert (result.code, result.out) == (2, "")
    assert result.err == "labtroupe: a reset takes a reason\n  Say why it is safe to go on.\n"


# --- what does not stop


@pytest.fixture
def deaf(place: Place, request: pytest.FixtureRequest) -> Generator[Program]:
    """A bench with an instrument that does not hear that it is cancelled; and it is busy."""
    options = ["--wedged", request.param] if hasattr(request, "param") else []
    place.latches("deaf").unlink(missing_ok=True)
    with place.started("run", str(place.bench("deaf", DEAF)), *options) as program:
        program.wait_for(clock_and("psu   running"))
        with busy(place, "deaf", "deaf"):
            yield program


def test_one_ctrl_c_is_enough_whatever_does_not_stop(deaf: Program) -> None:
    """R13: the others are stopped in order; then where it is, which port it holds, and the end."""
    began = time.monotonic()
    code = deaf.interrupt()
    lines = deaf.errors().splitlines()

    assert code == 1
    assert time.monotonic() - began < 10
    assert re.search(clock_and("psu   stopped: .*"), deaf.seen, re.MULTILINE)
    assert deaf.seen.splitlines()[-1].endswith("s, but not closed properly: deaf")
    assert lines[0] == "labtroupe: left without deaf: told to stop, and does not"
    assert re.fullmatch(r"  /dev/pts/\d+ stays claimed until this process has ended", lines[1])
    assert any(re.search(r'slow_kinds\.py", line \d+, in wait$', line) for line in lines)


@pytest.mark.slow
def test_one_that_is_halted_and_does_not_stop_is_not_said_to_be_closed(deaf: Program, shell: Shell) -> None:
    """R13: the latch hides no more of it at the end than before."""
    shell("halt", "deaf", "--bench", "deaf")

    assert deaf.interrupt() == 1
    assert deaf.seen.splitlines()[-1].endswith("s, but not closed properly: deaf")


@pytest.mark.parametrize("deaf", ["wait"], indirect=True)
def test_who_does_not_stop_is_waited_for_where_that_is_wanted(deaf: Program, place: Place) -> None:
    """R13: and its stack can be looked at meanwhile, in the events."""
    deaf.process.send_signal(signal.SIGINT)
    deaf.wait_for(clock_and("deaf  wedged: it was told to stop and does not; it is here:"))
    time.sleep(0.5)
    assert deaf.process.poll() is None

    assert deaf.interrupt() == 130


def test_a_halt_says_who_does_not_hear(deaf: Program, shell: Shell) -> None:
    """S9: and the next life, if there is one, is made safe."""
    result = shell("halt", "deaf", "--bench", "deaf")
    shown = shell("show", "deaf", "--bench", "deaf").out.splitlines()

    assert result.code == 1
    assert result.out == "deaf: not confirmed: Deaf.wait() was cut off, and does not end\n"
    assert any(re.fullmatch(r"  busy for \d\.\d s: Deaf\.wait\(\)", line) for line in shown)


def test_where_it_is_can_be_looked_at_without_asking_it(deaf: Program, shell: Shell) -> None:
    """S14."""
    shell("stop", "deaf", "--bench", "deaf")
    shown = shell("show", "deaf", "--bench", "deaf").out

    assert "  was told to stop and does not; it is here:\n  deaf, life 1:\n" in shown
    assert re.search(r'slow_kinds\.py", line \d+, in wait$', shown, re.MULTILINE)
