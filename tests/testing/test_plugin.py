"""The plugin's fixtures, from outside: a pytest within the pytest runs tests with them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from labtroupe.client import _sockets

Run = Callable[..., pytest.RunResult]

HEAD = """
    import os
    from pathlib import Path

    import pytest
    import trio
    from labtroupe import CommandError
    from labtroupe.errors import BenchError
    from labtroupe.kinds import LinkamT95
    from labtroupe.sync import attach
    from labtroupe.testing import Probe

    BENCH = '''
    [instruments.heater]
    kind = "linkam-t95"
    address = "serial:/dev/ttyUSB0"
    '''


    @pytest.fixture
    def heater(make_double):
        return make_double(LinkamT95)
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a test file with the plugin."""
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    # Only those it needs: the others take most of a second to import, each time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(body: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(HEAD + body)
        return pytester.runpytest_inprocess(
            "-p", "pytest_trio.plugin", "-p", "labtroupe.testing.plugin", *options
        )

    return run


def test_a_test_whose_double_is_not_used_as_it_says_fails(run: Run) -> None:
    """Though the application under test swallows the refusal; without a bench, and without trio, too."""
    result = run("""
    async def go_there(heater, celsius):
        try:
            await heater.ask(LinkamT95.ramp(celsius))
        except CommandError:
            pass

    async def test_unexpected(heater, fake_bench, virtual_clock):
        heater.when(LinkamT95.ramp(40.0))
        async with fake_bench(BENCH, {"heater": heater}) as bench:
            await go_there(bench.ref("heater", LinkamT95), 41.0)

    def test_unmet(heater):
        heater.expect(LinkamT95.stop())

    def test_as_expected(heater):
        heater.when(LinkamT95.stop())
    """)

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*heater: LinkamT95.ramp(41.0, 10.0) by *test_unexpected*: not expected; *",
            "    - LinkamT95.ramp(40.0, 10.0)",
            "    + LinkamT95.ramp(41.0, 10.0)",
            "*LinkamT95: LinkamT95.stop() was expected once, and came 0 times; what came:",
            "    nothing",
        ]
    )


def test_a_test_that_fails_anyway_says_what_its_double_was_asked(run: Run) -> None:
    """It may be the reason."""
    result = run("""
    async def test_fails(heater, fake_bench, virtual_clock):
        async with fake_bench(BENCH, {"heater": heater}) as bench:
            await bench.ref("heater", LinkamT95).ask(LinkamT95.stop())

    def test_skips(heater):
        heater.expect(LinkamT95.stop())
        pytest.skip("not now")
    """)

    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*heater: LinkamT95.stop() by * not expected; the script has only:"])


def test_what_comes_while_fixtures_are_closed_is_held_against_the_script_too(run: Run) -> None:
    """As when a blocking bench is closed, which is no part of the test: so it is an error and no failure."""
    result = run("""
    from labtroupe import sync
    from labtroupe.bench import load_bench
    from labtroupe.testing import doubled

    @pytest.fixture
    def bench(heater, own_directories):
        Path("bench.toml").write_text(BENCH)
        with sync.open_bench(doubled(load_bench(Path("bench.toml")), {"heater": heater})) as bench:
            yield bench
            try:
                bench["heater"].hold()
            except CommandError:
                pass

    def test_closes(bench, heater):
        heater.when(LinkamT95.temperature()).reply(20.0)
        assert bench["heater"].temperature() == 20.0
        assert [each.sender for each in heater.received] == ["MainThread"]
    """)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["heater: LinkamT95.hold() by MainThread at * s: not expected; *"])


def test_a_class_of_unittest_can_have_doubles(run: Run) -> None:
    result = run("""
    import unittest

    class Test(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def _heater(self, heater):
            self.heater = heater

        def test_unmet(self):
            self.heater.expect(LinkamT95.stop())

        def test_as_expected(self):
            self.heater.when(LinkamT95.stop())
    """)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["LinkamT95: LinkamT95.stop() was expected once, and came 0 times; *"])


def test_the_seed_of_a_test_that_fails_is_shown_and_can_be_given(run: Run) -> None:
    body = """
    def test_fails(chance, labtroupe_seed):
        assert (labtroupe_seed, chance.random()) == (), "drew"

    def test_passes(chance):
        pass
    """
    first = run(body)
    first.assert_outcomes(passed=1, failed=1)
    (seed,) = {line.split()[-1] for line in first.outlines if "--labtroupe-seed" in line}
    again = run(body, "--labtroupe-seed", seed)

    def drawn(result: pytest.RunResult) -> str:
        return next(line for line in result.outlines if "assert (" in line and line.startswith("E"))

    assert drawn(first) == drawn(again)
    assert seed in drawn(again)


def test_nothing_of_a_test_bench_is_in_the_directories_of_the_user(
    run: Run, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    """Neither latches nor sockets: tests in several processes do not see each other's."""
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        (pytester.path / name).mkdir()
        monkeypatch.setenv(name, str(pytester.path / name))
    result = run("""
    async def test_halts(heater, fake_bench):
        async with fake_bench(BENCH, {"heater": heater}) as bench:
            assert not (await bench.service.halt(None, "test")).not_kept

    def test_runtime(own_directories):
        runtime = Path(os.environ["XDG_RUNTIME_DIR"])
        assert runtime.stat().st_mode & 0o777 == 0o700
        assert len(str(runtime)) < 40
    """)

    result.assert_outcomes(passed=2)
    assert [*(pytester.path / "XDG_STATE_HOME").iterdir()] == []
    assert [*(pytester.path / "XDG_RUNTIME_DIR").iterdir()] == []


def test_a_test_finds_no_bench_of_the_user(
    run: Run, own_directories: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that is named in the environment nor one that a service has started."""
    shared = Path(os.environ["XDG_RUNTIME_DIR"])
    monkeypatch.setattr(_sockets, "_SHARED", shared)
    services = shared / f"labtroupe-{os.getuid()}"
    services.mkdir(mode=0o700)
    monkeypatch.setenv("LABTROUPE_BENCH", "night")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(services / "night.sock"))
        listener.listen()
        result = run("""
    def test_finds_none(own_directories):
        with pytest.raises(BenchError, match="^no bench is running$"):
            attach()
        """)

    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_it_works_in_many_processes(
    run: Run, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    result = run(
        """
    @pytest.mark.parametrize("number", range(8))
    async def test_alone(number, heater, fake_bench, virtual_clock):
        heater.when(LinkamT95.temperature()).reply(float(number))
        probe = Probe(heater)
        async with fake_bench(BENCH, {"heater": heater}) as bench:
            await bench.ref("heater", LinkamT95).ask(LinkamT95.temperature())
            await probe.expect(LinkamT95.temperature(), within=1)
            await probe.expect_nothing(within=60)
    """,
        "-p",
        "xdist.plugin",
        "-n",
        "2",
    )

    result.assert_outcomes(passed=8)


def test_another_clock_than_pytest_trio_has_is_not_needed(run: Run) -> None:
    result = run("""
    def test_plain(heater, fake_bench, virtual_clock):
        async def main():
            async with fake_bench(BENCH, {"heater": heater}):
                await trio.sleep(60)
                assert trio.current_time() >= 60
        trio.run(main, clock=virtual_clock)

    async def test_of_pytest_trio(heater, fake_bench, autojump_clock):
        async with fake_bench(BENCH, {"heater": heater}):
            await trio.sleep(60)
    """)

    result.assert_outcomes(passed=2)
