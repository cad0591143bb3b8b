"""The plugin's `leak_check`, from outside: a pytest in a process of its own runs tests with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

Run = Callable[[str], pytest.RunResult]

HEAD = """
    import gc
    import os
    import threading

    import pytest
    import trio


    @pytest.fixture(autouse=True)
    def _always(leak_check):
        pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a test file with `leak_check` around every test."""
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    # Only the two it needs: the others take most of a second to import, each time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(body: str) -> pytest.RunResult:
        pytester.makepyfile(HEAD + body)
        return pytester.runpytest_subprocess("-p", "pytest_trio.plugin", "-p", "labtroupe.testing.plugin")

    return run


def test_a_test_that_cleans_up_passes(run: Run) -> None:
    """P19: what was opened and closed again, also by trio, is no leak."""
    result = run("""
    async def test_clean(nursery, tmp_path, capfd):
        with open(tmp_path / "log", "w"):
            thread = threading.Thread(target=print)
            thread.start()
            thread.join()
        listeners = await nursery.start(trio.serve_tcp, trio.aclose_forcefully, 0)
        async with await trio.open_tcp_stream(*listeners[0].socket.getsockname()[:2]):
            await trio.to_thread.run_sync(print)
    """)

    result.assert_outcomes(passed=1)


def test_an_open_file_is_reported_with_its_name(run: Run) -> None:
    """P19."""
    result = run("""
    def test_leaks():
        os.open("forgotten", os.O_CREAT)
    """)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.re_match_lines([r"  file descriptor \d+: /.*/forgotten$"])


def test_a_descriptor_that_replaces_another_one_is_reported(run: Run) -> None:
    """P19: the number alone tells nothing; the next one opened gets it."""
    result = run("""
    def test_leaks(request):
        os.close(request.getfixturevalue("first"))
        assert os.open("second", os.O_CREAT) == request.getfixturevalue("first")

    @pytest.fixture(scope="module")
    def first():
        return os.open("first", os.O_CREAT)

    @pytest.fixture(autouse=True)
    def _before_all(first):
        pass
    """)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.re_match_lines([r"  file descriptor \d+: /.*/second$"])


def test_a_file_that_was_open_before_may_be_renamed_or_deleted(run: Run) -> None:
    """As a log is by who rotates it; it is the same file."""
    result = run("""
    @pytest.fixture(scope="module", autouse=True)
    def log():
        with open("log", "w") as log:
            yield log

    def test_renamed():
        os.rename("log", "log.1")

    def test_deleted():
        os.remove("log.1")
    """)

    result.assert_outcomes(passed=2)


def test_what_a_first_process_leaves_to_the_next_is_no_leak(run: Run) -> None:
    """`multiprocessing` has a tracker, of which there is one as long as the process lives."""
    result = run("""
    import multiprocessing

    def test_clean():
        process = multiprocessing.get_context("spawn").Process(target=print)
        process.start()
        process.join()
        process.close()
    """)

    result.assert_outcomes(passed=1)


def test_what_only_waits_for_the_collector_is_no_leak(run: Run) -> None:
    result = run("""
    class Cycle:
        def __init__(self):
            self.me = self
            self.fd = os.open("forgotten", os.O_CREAT)

        def __del__(self):
            os.close(self.fd)

    def test_clean():
        gc.disable()
        Cycle()
    """)

    result.assert_outcomes(passed=1)


def test_a_running_thread_is_reported_with_its_place(run: Run) -> None:
    """P19."""
    result = run("""
    def poll():
        threading.Event().wait()

    def test_leaks():
        threading.Thread(target=poll, name="poller", daemon=True).start()
    """)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.re_match_lines([r"  thread 'poller': /.*\.py:\d+ in poll$"])


def test_a_thread_that_is_about_to_end_is_no_leak(run: Run) -> None:
    result = run("""
    def test_clean():
        threading.Timer(0.1, print).start()
    """)

    result.assert_outcomes(passed=1)


def test_a_worker_that_trio_keeps_is_no_leak_until_it_is_at_work(run: Run) -> None:
    """P19: also when it was there, without a job, before the test."""
    result = run("""
    async def test_clean():
        await trio.to_thread.run_sync(print)
        await trio.sleep(0.5)  # it hands over its result first, and is idle a moment later
        assert threading.active_count() > 1

    begun = threading.Event()

    def forever():
        begun.set()
        threading.Event().wait()

    def test_leaks():
        trio.lowlevel.start_thread_soon(forever, print)
        assert begun.wait(10)
    """)

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.re_match_lines([r"  thread 'Trio thread 0': /.*\.py:\d+ in forever$"])


def test_a_loop_left_running_is_reported_with_its_tasks(run: Run) -> None:
    """P19: within a test nothing can be left, as `trio.run` waits for all; in a thread of its own it can."""
    result = run("""
    async def poll(running):
        running.set()
        await trio.sleep_forever()

    def test_leaks():
        running = threading.Event()
        threading.Thread(target=trio.run, args=(poll, running), name="bench", daemon=True).start()
        assert running.wait(10)
    """)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.re_match_lines([r"  thread 'bench': /.*, with the tasks .*\.poll$"])


def test_the_plugin_imports_neither_trio_nor_the_rest_of_labtroupe() -> None:
    """It is imported in every project that has labtroupe installed."""
    script = "import sys, labtroupe.testing.plugin; print(*sorted(sys.modules))"
    printed = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    names = printed.split()

    assert "trio" not in names
    assert [name for name in names if name.startswith("labtroupe")] == [
        "labtroupe",
        "labtroupe.lazy",
        "labtroupe.testing",
        "labtroupe.testing._leaks",
        "labtroupe.testing.plugin",
    ]
