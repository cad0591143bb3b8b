"""What the documentation shows is what happens."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import attrs
import pytest
import trio
from sybil import Document
from sybil.parsers.markdown import PythonCodeBlockParser

import labtroupe.sync
from labtroupe.bench import load_bench, open_bench
from labtroupe.errors import DeviceAbsent

ROOT = Path(__file__).parents[2]
SPEC_PAGE = ROOT / "docs/how-to/bench-in-python.md"
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")))
    if "```python\n" in page.read_text()
]
BUS_PAGE = ROOT / "docs/how-to/share-a-bus.md"
TUTORIAL = ROOT / "docs/tutorial/first-bench.md"
DRIVER = ROOT / "docs/how-to/write-a-driver.md"
RETURNS = ROOT / "docs/how-to/when-a-device-comes-back.md"
# Seconds until a command has to print what the page says.
PATIENCE = 15.0
# An ellipsis stands for anything within a line; alone in a line, for any lines.
NUMBER = re.compile(r"(?<!\w)[+-]?\d[\d.]*(?:E[+-]\d+)?")


@attrs.frozen
class Step:
    """A command of a session, and what it prints."""

    command: str
    prints: str

    def pattern(self) -> re.Pattern[str]:
        """Return what matches the output: any number will do where there is one, and any space."""
        pieces = (self._piece(line) for line in self.prints.splitlines())
        return re.compile("".join(pieces) + r"\s*\Z")

    @staticmethod
    def _piece(line: str) -> str:
        if line == "…":
            return r"(?:.*\n)*?"
        words = (re.escape(word).replace("…", ".*") for word in NUMBER.sub("0", line).split())
        return r"\s+".join(words) + r"\s*\n?"


def session(page: Path) -> list[Step]:
    """Return the steps of all ``console`` blocks of a page."""
    return session_in(page.read_text())


def session_in(text: str) -> list[Step]:
    """Return the steps of all ``console`` blocks in a text."""
    steps: list[Step] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, prints = part.partition("\n")
            steps.append(Step(command, prints))
    return steps


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which this project's command is found, and no other bench runs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    return {**os.environ, "PATH": path, "XDG_RUNTIME_DIR": str(runtime), "COLUMNS": "200"}


@pytest.fixture
def running(tmp_path: Path, environment: dict[str, str], request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the bench whose path the test gives, until it is over."""
    bench = tmp_path / "bench.toml"
    shutil.copy(request.param, bench) if isinstance(request.param, Path) else bench.write_text(request.param)
    with run(environment, tmp_path, str(bench)):
        yield


@contextlib.contextmanager
def run(environment: dict[str, str], tmp_path: Path, *words: str) -> Generator[None]:
    """Run a bench for as long as the body lasts."""
    command = ["labtroupe", "run", *words]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, env=environment, stdout=subprocess.DEVNULL, cwd=tmp_path
    ) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def play(steps: list[Step], environment: dict[str, str], folder: Path) -> None:
    """Type each command until it prints what the page says."""
    for step in steps:
        until = time.monotonic() + PATIENCE
        while True:
            printed = subprocess.run(  # noqa: S603 - what our own pages say
                shlex.split(step.command),
                env=environment,
                cwd=folder,
                check=False,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE,
            ).stdout
            if step.pattern().match(NUMBER.sub("0", printed)):
                break
            if time.monotonic() > until:
                pytest.fail(f"$ {step.command}\n{printed}\n  the page says\n{step.prints}")
            time.sleep(0.1)


def bench_of(page: Path) -> str:
    """Return the first bench that a page describes."""
    found = re.search(r"^```toml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize("running", [ROOT / "examples/bench.toml"], indirect=True)
@pytest.mark.usefixtures("running")
def test_the_session_of_the_readme_is_what_happens(environment: dict[str, str], tmp_path: Path) -> None:
    steps = session(ROOT / "README.md")
    assert len(steps) > 5
    play(steps, environment, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("running", [bench_of(TUTORIAL)], indirect=True)
@pytest.mark.usefixtures("running")
def test_the_session_of_the_tutorial_is_what_happens(environment: dict[str, str], tmp_path: Path) -> None:
    steps = session(TUTORIAL)
    assert len(steps) > 5
    play(steps, environment, tmp_path)


@pytest.mark.parametrize("running", [bench_of(TUTORIAL)], indirect=True)
@pytest.mark.usefixtures("running")
def test_the_session_of_the_page_about_halting_is_what_happens(
    environment: dict[str, str], tmp_path: Path
) -> None:
    steps = session(ROOT / "docs/how-to/halting.md")
    assert len(steps) > 5
    play(steps, environment, tmp_path)


def test_the_session_of_the_page_about_python_is_what_happens(
    environment: dict[str, str], tmp_path: Path
) -> None:
    block = re.search(r"^```python\n(.*?)^```", SPEC_PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    (tmp_path / "hood.py").write_text(block[1])
    steps = session(SPEC_PAGE)
    assert len(steps) == 2
    with run(environment, tmp_path, "hood.py", "--simulate"):
        play(steps, environment, tmp_path)


def test_all_that_the_page_about_python_describes_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", SPEC_PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "hood.py").write_text("\n".join(block for block in blocks if "trio.run" not in block))
    (tmp_path / "limits.json").write_text('{"lamp": 5}')
    bench = load_bench(tmp_path / "hood.py")
    monkeypatch.delitem(sys.modules, "hood")

    assert [each.name for each in bench.instruments] == ["heater", "psu", "lamp", "camera", "line", "oven"]


async def test_the_device_of_the_page_about_simulation_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs/how-to/simulate-a-bench.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "mixer.py").write_text(block)
    (tmp_path / "bench.toml").write_text(
        '[instruments.m]\nkind = "mixer:Mixer"\naddress = "tcp://192.0.2.1:1"\n'
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with trio.fail_after(PATIENCE):
        async with open_bench(tmp_path / "bench.toml", simulate=True) as running:
            await running.service.call("m", "stir", [700])
            assert (await running.service.call("m", "speed")).value == 600.0
    monkeypatch.delitem(sys.modules, "mixer")


def write_thermo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the module of which the page about buses speaks: all of its classes."""
    blocks = re.findall(r"^```python\n(.*?)^```", BUS_PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (folder / "thermo.py").write_text("\n".join(block for block in blocks if "trio.run" not in block))
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.delitem(sys.modules, "thermo", raising=False)


async def test_the_bus_of_the_page_about_buses_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_thermo(tmp_path, monkeypatch)
    *_, bench = re.findall(r"^```toml\n(.*?)^```", BUS_PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "bench.toml").write_text(bench)
    with trio.fail_after(PATIENCE):
        async with open_bench(tmp_path / "bench.toml") as running:
            call = running.service.call
            assert (await call("oven", "temperature", [7])).value == 7.0
            assert (await call("room", "log")).value == ["began", "ended"]
            running.service.inject("oven", "unplug")
            with pytest.raises(DeviceAbsent):
                await call("oven", "temperature", [7])
            assert (await call("room", "temperature", [3])).value == 3.0


@pytest.mark.slow
@pytest.mark.parametrize("running", [bench_of(RETURNS)], indirect=True)
@pytest.mark.usefixtures("running")
def test_the_session_of_the_page_about_returns_is_what_happens(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """L11."""
    steps = session(RETURNS)
    assert len(steps) > 5
    play(steps, environment, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.usefixtures("own_directories")
def test_every_python_snippet_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples/bench.toml", tmp_path / "examples")
    (tmp_path / "bench.toml").write_text(bench_of(TUTORIAL))
    monkeypatch.chdir(tmp_path)
    document = Document.parse(str(page), PythonCodeBlockParser())
    if page.name == "in-step.md":
        exec("from labtroupe import *\nfrom labtroupe.kinds._scpi import is_identity", document.namespace)  # noqa: S102
    examples = list(document.examples())
    assert examples
    with contextlib.ExitStack() as stack:
        if page.name == "from-a-blocking-script.md":
            stack.enter_context(labtroupe.sync.open_bench("bench.toml"))
        for example in examples:
            example.evaluate()


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda page: page.name
)
def test_every_bench_of_a_page_is_right(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page == BUS_PAGE:
        write_thermo(tmp_path, monkeypatch)
    for bench in re.findall(r"^```toml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        (tmp_path / "bench.toml").write_text(bench)
        load_bench(tmp_path / "bench.toml")


def test_the_example_script_runs(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples/ramp.py"), str(ROOT / "examples/bench.toml")]
    printed = subprocess.run(  # noqa: S603 - our own example
        command, env=environment, cwd=tmp_path, check=True, text=True, stdout=subprocess.PIPE, timeout=30
    ).stdout
    readings = [float(line.split()[0]) for line in printed.splitlines()]
    assert len(readings) == 10
    assert readings == sorted(readings)
    assert readings[-1] > 28.0


def test_a_driver_is_written_as_the_page_says(environment: dict[str, str], tmp_path: Path) -> None:
    begin, _, rest = DRIVER.read_text().partition("```py\n")
    good = '        return await self._number("T?")\n'
    play(session_in(begin)[:1], environment, tmp_path)
    folder = tmp_path / "water-bath"
    play(session_in(begin)[2:], environment, folder)
    driver = folder / "water_bath" / "driver.py"
    assert driver.read_text().count(good) == 1
    driver.write_text(driver.read_text().replace(good, rest.partition("```")[0]))
    play(session_in(rest), environment, folder)


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert broken == []
