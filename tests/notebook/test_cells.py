"""What cells do with benches, one after the other in one process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from labtroupe import notebook
from labtroupe.errors import BenchError, ConfigError, LabtroupeError, RestartLimitError
from labtroupe.sync import attach, open_bench
from labtroupe.transport import claims

from ._bench import Place


def test_a_bench_is_set_up_in_one_cell_and_stopped_in_another(place: Place) -> None:
    """PLR-6."""
    bench = notebook.setup("bench.toml")
    pid = bench["teller"].pid()
    notebook.stop()

    assert pid == os.getpid()
    assert place.stopped() == [pid]
    assert (claims(), notebook.owners()) == ({}, [])


def test_a_cell_that_is_run_again_gets_the_bench_that_runs(place: Place) -> None:
    """PLR-9: also if the name for it is lost."""
    first = notebook.setup("bench.toml")

    assert notebook.setup(place.folder / "bench.toml") is first
    assert place.stopped() == []


def test_the_owner_is_visible(place: Place) -> None:
    """PLR-6."""
    notebook.setup("bench.toml")
    (owned,) = notebook.owners()

    assert (owned.bench, owned.file) == ("told", str(place.folder / "bench.toml"))
    assert owned.thread in {each.name for each in threading.enumerate()}
    assert list(owned.ports) == list(claims())
    assert attach("told")["teller"].pid() == os.getpid()


@pytest.mark.usefixtures("place")
def test_a_bench_stops_at_the_end_of_a_with(place: Place) -> None:
    """PLR-5."""
    with pytest.raises(ZeroDivisionError), notebook.setup("bench.toml"):
        raise ZeroDivisionError

    assert (claims(), notebook.owners()) == ({}, [])
    assert len(place.stopped()) == 1


def test_a_file_that_has_changed_is_told_and_opened_anew_when_asked_to(place: Place) -> None:
    """PLR-9."""
    first = notebook.setup("bench.toml")
    with Path("bench.toml").open("a") as file:
        file.write("start_timeout = 7.0\n")
    with pytest.raises(BenchError, match="runs as it was described before") as caught:
        notebook.setup("bench.toml")
    second = notebook.setup("bench.toml", reopen=True)

    assert "reopen=True" in caught.value.remedy
    assert second is not first
    assert len(place.stopped()) == 1
    assert second["teller"].pid() == os.getpid()


@pytest.mark.usefixtures("place")
def test_a_set_up_after_a_failed_one_works() -> None:
    """PLR-8."""
    path = Path("bench.toml")
    text = path.read_text()
    path.write_text(text.replace("teller:Teller", "teller:Tailor"))
    with pytest.raises(ConfigError):
        notebook.setup(path)
    path.write_text(text)

    assert notebook.setup(path)["teller"].pid() == os.getpid()


def test_stop_works_from_every_state_and_twice(place: Place) -> None:
    """PLR-2."""
    notebook.stop()
    notebook.setup("bench.toml")
    notebook.stop("pump")
    notebook.stop("told")
    notebook.stop("told")
    notebook.stop()

    assert len(place.stopped()) == 1


def test_a_bench_whose_stop_was_interrupted_is_awaited_by_the_next_set_up(place: Place) -> None:
    """PLR-8."""
    first = notebook.setup("bench.toml")
    first.owner.tell_to_stop()
    second = notebook.setup("bench.toml")

    assert second is not first
    assert len(place.stopped()) == 1


def test_a_stop_that_was_interrupted_is_awaited_by_the_next_one(place: Place) -> None:
    """PLR-2."""
    notebook.setup("bench.toml").owner.tell_to_stop()
    notebook.stop("told")

    assert claims() == {}
    assert len(place.stopped()) == 1


def fail() -> None:
    """Set a bench up, and have its critical instrument take it with it."""
    with Path("bench.toml").open("a") as file:
        file.write("critical = true\nrestart = { max_restarts = 0 }\n")
    bench = notebook.setup("bench.toml")
    with contextlib.suppress(LabtroupeError):
        bench["teller"].crash()
    deadline = time.monotonic() + 5
    while not bench.owner.ended:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("place")
def test_stop_says_once_why_a_bench_has_failed() -> None:
    """S6: and none is left open for that."""
    fail()
    Path("other.toml").write_text(
        '[bench]\nname = "other"\n[instruments.stage]\nkind = "linkam-t95"\naddress = "sim:linkam-t95"\n'
    )
    notebook.setup("other.toml")
    assert [each.bench for each in notebook.owners()] == ["other"]
    with pytest.raises(RestartLimitError, match="teller: given up"):
        notebook.stop()
    notebook.stop("told")

    assert notebook.owners() == []


@pytest.mark.usefixtures("place")
def test_stop_of_a_bench_by_name_says_why_it_has_failed() -> None:
    """S6: by an error that a notebook can show, which is one without a group behind it."""
    fail()
    with pytest.raises(RestartLimitError, match="teller: given up") as caught:
        notebook.stop("told")

    assert caught.value.__context__ is None


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("reopen", [False, True])
def test_a_bench_that_has_failed_is_opened_anew_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture, *, reopen: bool
) -> None:
    """PLR-8: the cell can be run again, and the failure is not lost."""
    fail()
    caplog.clear()
    bench = notebook.setup("bench.toml", reopen=reopen)

    assert bench["teller"].pid() == os.getpid()
    (told,) = (each.getMessage() for each in caplog.records)
    assert told.startswith("the bench told, opened anew now, had failed: teller: given up: ZeroDivision")


def test_ctrl_c_in_a_cell_cancels_the_command_and_keeps_the_bench(place: Place) -> None:
    """PLR-6."""
    bench = notebook.setup("bench.toml")

    def press() -> None:
        while not bench.status("teller").instruments[0].current:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        bench["teller"].sleep()
    presser.join()

    assert bench["teller"].count() == 1
    assert place.stopped() == []


@pytest.mark.usefixtures("place")
def test_a_bench_that_a_script_has_opened_in_the_same_process_is_the_same_one() -> None:
    with open_bench("bench.toml") as bench:
        assert notebook.setup("bench.toml") is bench
