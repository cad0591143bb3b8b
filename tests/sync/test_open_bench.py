"""A bench in a thread of its own: how it opens, and all the ways in which it ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import attrs
import pytest
import trio

from labtroupe.client import _operator, running_benches
from labtroupe.control import Service
from labtroupe.errors import BenchError, CommandTimeout, ConfigError, Outcome, RestartLimitError
from labtroupe.messages import Event
from labtroupe.sync import _crossing, _inside, open_bench, opened
from labtroupe.sync._owner import Owner, _stop_all
from labtroupe.transport import claims

from ._kinds import Everything

CRITICAL = "critical = true\nrestart = { max_restarts = 0 }\n"
ABSENT = 'connect = "required"\nrestart = { max_attempts = 1 }\n'


@dataclass
class Unhashable(Exception):
    """What has a value, and so no hash."""

    value: int = 0


@contextmanager
def interrupted(condition: Callable[[], object]) -> Generator[None]:
    """Have Ctrl-C pressed when something is so."""

    def press() -> None:
        wait_until(condition)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    try:
        yield
    finally:
        presser.join()


def test_all_is_closed_when_the_body_is_over(file: Path) -> None:
    """PLR-5, PLR-10."""
    with open_bench(file) as bench:
        bench["all"].nothing()
        assert sorted(claims().values()) == ["all", "psu"]
        assert [path.stem for path in running_benches()] == ["faced"]

    assert (claims(), running_benches(), Owner.started) == ({}, [], set())


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, Unhashable])
def test_what_the_body_raises_comes_out_bare_when_all_is_closed(
    file: Path, error: type[BaseException]
) -> None:
    """PLR-10."""
    with pytest.raises(error), open_bench(file) as bench:  # noqa: PT012 - its body is the point
        bench["all"].nothing()
        raise error

    assert claims() == {}


def test_a_bench_can_be_closed_by_hand_and_twice(file: Path) -> None:
    """PLR-2, PLR-6."""
    bench = open_bench(file)
    bench["all"].nothing()
    assert set(opened()) == {"faced"}
    bench.close()
    bench.close()

    assert (claims(), opened()) == ({}, {})


def test_what_the_bench_failed_of_is_noted_on_what_the_body_raises(file: Path) -> None:
    file.write_text(file.read_text() + CRITICAL)
    with pytest.raises(BenchError) as caught, open_bench(file) as bench:  # noqa: PT012 - its body is the point
        bench.start("psu")
        bench.inject("psu", "unplug")
        while True:
            bench.status()

    assert "Meanwhile the bench failed: psu" in "\n".join(caught.value.__notes__)


def test_ctrl_c_in_a_call_cancels_the_command_and_the_bench_goes_on(file: Path) -> None:
    """R4."""
    with open_bench(file) as bench:
        with (
            pytest.raises(KeyboardInterrupt),
            interrupted(lambda: bench.status("all").instruments[0].current),
        ):
            bench["all"].sleep()

        assert bench["all"].counts() == [1, 1]
        assert bench.status("all").instruments[0].life == 1


@attrs.frozen
class PressedAfter:
    """The way into a loop, on which Ctrl-C comes as soon as something is sent.

    Attributes:
        token: That loop.
        sent: How much was.
    """

    token: trio.lowlevel.TrioToken
    sent: list[object] = attrs.field(factory=list[object])

    def run_sync_soon(self, function: Callable[..., object], *args: object) -> None:
        """Send it, and be interrupted the first time."""
        self.token.run_sync_soon(function, *args)
        self.sent.append(function)
        if len(self.sent) == 1:
            raise KeyboardInterrupt


def test_ctrl_c_when_a_call_has_just_been_sent_cancels_the_command(file: Path) -> None:
    """R4: there is no moment in which it goes on alone."""
    with open_bench(file) as bench:
        bench.start("all")
        token = bench.crossing.token
        bench.crossing.token = cast("trio.lowlevel.TrioToken", PressedAfter(token))
        with pytest.raises(KeyboardInterrupt):
            bench.ask("all", Everything.sleep())
        bench.crossing.token = token

        began, cancelled = bench["all"].counts(timeout=2)
        assert began == cancelled


def test_events_that_are_left_in_mid_step_are_closed_after_that(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4: as by a second Ctrl-C, which waits no longer for what the first has cancelled."""
    seen: list[str] = []

    async def slow(*_: object, **__: object) -> AsyncGenerator[Event]:
        try:
            seen.append("waiting")
            with trio.CancelScope(shield=True):
                await trio.sleep(0.1)
            yield Event(instrument="")
        finally:
            seen.append("closed")

    monkeypatch.setattr(_crossing, "_UNWIND", 0)
    monkeypatch.setattr(Service, "events", slow)
    with open_bench(file) as bench:
        with pytest.raises(KeyboardInterrupt), interrupted(lambda: seen):
            list(bench.events(follow=True))
        wait_until(lambda: seen == ["waiting", "closed"])

        assert bench["all"].double(1) == 2.0


def test_events_that_cannot_be_closed_do_the_bench_no_harm(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLR-6: what nobody waits for fails alone."""
    left: list[bool] = []

    async def failing(*_: object, **__: object) -> AsyncGenerator[Event]:
        try:
            yield Event(instrument="")
        finally:
            left.append(True)
            raise ZeroDivisionError

    monkeypatch.setattr(Service, "events", failing)
    with open_bench(file) as bench:
        next(iter(bench.events()))
        wait_until(lambda: left)

        assert bench["all"].double(1) == 2.0


@pytest.mark.parametrize("way", ["name", pytest.param("message", marks=pytest.mark.slow)])
def test_a_call_ends_soon_after_its_timeout_though_a_driver_holds_up_the_loop(
    file: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """R1: a deadline is a deadline."""
    monkeypatch.setattr(_operator, "GRACE", 0.05)
    monkeypatch.setattr(_inside, "GRACE", 0.05)
    with open_bench(file) as bench:
        bench.start("all")
        began = time.monotonic()
        with pytest.raises(BenchError, match="runs, but does not answer") as caught:
            bench["all"].block() if way == "name" else bench.ask("all", Everything.block())

        assert time.monotonic() - began < 1.0
        assert caught.value.outcome is Outcome.UNKNOWN
        assert bench["all"].double(1, timeout=5) == 2.0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_was_forked_is_told_to_attach(file: Path) -> None:
    """Where no loop runs nobody answers, and it must not wait for that."""
    with open_bench(file) as bench:
        pid = os.fork()
        if not pid:
            told = False
            try:
                bench["all"]
            except BenchError as error:
                told = "forked" in str(error)
            finally:
                os._exit(0 if told else 1)

        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert bench["all"].double(1) == 2.0


def make_slow(file: Path) -> None:
    """Have the bench take long to open."""
    text = file.read_text().replace(":Everything", ":Slow")
    file.write_text(text.replace("[instruments.psu]", 'connect = "required"\n[instruments.psu]'))


def test_ctrl_c_while_it_opens_has_closed_all_before_it_is_raised(file: Path) -> None:
    """PLR-10."""
    make_slow(file)
    with pytest.raises(KeyboardInterrupt), interrupted(claims):
        open_bench(file)

    assert (claims(), running_benches(), Owner.started) == ({}, [], set())


def test_one_that_is_told_to_stop_while_it_opens_says_so(file: Path) -> None:
    """As at the end of the interpreter, to a thread that opens it."""
    make_slow(file)

    def stop() -> None:
        wait_until(claims)
        _stop_all()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(BenchError, match="faced was told to stop while it opened"):
        open_bench(file)
    stopper.join()


def test_a_file_with_mistakes_is_told_before_anything_runs(file: Path) -> None:
    file.write_text(file.read_text().replace("sim:dc-power-supply", "sim:dc-power-suply"))
    with pytest.raises(ConfigError, match="dc-power-suply"):
        open_bench(file)


def test_a_second_bench_of_the_name_is_refused_by_the_process_that_has_it(file: Path) -> None:
    """L9, PLR-11."""
    with open_bench(file) as bench:
        with pytest.raises(BenchError, match="is running already, as process"):
            open_bench(file)

        assert bench["all"].double(1) == 2.0


def test_a_bench_that_failed_says_why_in_each_call_and_at_the_end(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6: a critical instrument takes its bench with it."""
    file.write_text(file.read_text() + CRITICAL)
    bench = open_bench(file)
    bench.start("psu")
    bench.inject("psu", "unplug")
    wait_until(lambda: not Owner.started)

    with pytest.raises(BenchError, match=r"faced does not run any more: .*psu"):
        bench["psu"].voltage()
    with pytest.raises(RestartLimitError, match="psu"):
        bench.close()
    bench.close()


@pytest.mark.slow
def test_a_stop_that_fails_is_told_to_all_who_wait_for_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R13."""
    monkeypatch.setattr(Everything, "released", False)
    told: list[str] = []

    def close() -> None:
        try:
            bench.close()
        except BenchError as error:
            told.append(str(error))

    bench = open_bench(file)
    bench.start("all")
    with pytest.raises(CommandTimeout):
        bench["all"].deaf(timeout=0.5)
    closers = [threading.Thread(target=close) for _ in range(2)]
    for each in closers:
        each.start()
    for each in closers:
        each.join(10)
    bench.close()
    Everything.released = True
    wait_until(lambda: not Owner.started)

    assert len(told) == 2


def test_who_follows_the_events_is_told_of_the_end(file: Path) -> None:
    errors: list[BaseException] = []

    def follow() -> None:
        try:
            for _ in bench.events(follow=True):
                pass
        except BenchError as error:
            errors.append(error)

    with open_bench(file) as bench:
        follower = threading.Thread(target=follow)
        follower.start()
    follower.join(5)

    assert [str(error) for error in errors] == ["the bench faced does not run any more"]


def test_a_bench_is_simulated_as_a_whole(file: Path) -> None:
    file.write_text(file.read_text().replace("sim:dc-power-supply", "tcp://127.0.0.1:1"))
    with open_bench(file, simulate=True) as bench:
        assert bench.name == "faced.sim"
        assert bench["psu"].voltage(timeout=5) == pytest.approx(0, abs=0.1)


@pytest.mark.slow
def test_a_stop_does_not_wait_for_one_that_does_not_stop(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R13."""
    monkeypatch.setattr(Everything, "released", False)
    bench = open_bench(file)
    bench.start("all")
    with pytest.raises(CommandTimeout):
        bench["all"].deaf(timeout=0.5)
    with pytest.raises(BenchError, match="was stopped but for all"):
        bench.close()

    Everything.released = True
    wait_until(lambda: not Owner.started)


def open_fds() -> int:
    """Return how many file descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so that nobody tells of."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_is_left_of_any_number_of_benches(file: Path) -> None:
    """PLR-3, PLR-10: of those that could not be opened neither, however long their errors are kept."""
    text = file.read_text()
    errors: list[BaseException] = []
    with open_bench(file) as bench:
        bench["all"].nothing()
    fds, threads = open_fds(), threading.active_count()
    for _ in range(10):
        file.write_text(text)
        with open_bench(file) as bench:
            bench["all"].nothing()
        file.write_text(text.replace("sim:dc-power-supply", "tcp://127.0.0.1:1") + ABSENT)
        with pytest.raises(RestartLimitError) as caught:
            open_bench(file)
        errors.append(caught.value)

    assert len(errors) == 10
    assert open_fds() <= fds
    assert threading.active_count() <= threads
