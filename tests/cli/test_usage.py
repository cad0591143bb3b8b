"""Command lines that need no bench: help, mistakes, files, and how quickly they start."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from labtroupe.cli._group import COMMANDS

from ._benches import SIMULATED, Place
from .conftest import Shell


def test_help_lists_the_commands(shell: Shell) -> None:
    result = shell("--help")

    assert (result.code, result.err) == (0, "")
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name:7}  {summary}\n" in result.out


def test_version_is_that_of_the_package(shell: Shell) -> None:
    assert shell("--version").out == f"labtroupe {version('labtroupe')}\n"


def test_without_a_command_help_goes_to_standard_error(shell: Shell) -> None:
    result = shell()

    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Usage: labtroupe")


@pytest.mark.parametrize(
    ("line", "sentence", "remedy"),
    [
        ("statu", "no such command 'statu'; did you mean 'status'?", "labtroupe --help"),
        ("dance", "no such command 'dance'", "labtroupe --help"),
        ("--verbose", "no such option '--verbose'", "labtroupe --help"),
        (
            "status --outptu json",
            "no such option '--outptu'; did you mean '--output'?",
            "labtroupe status --help",
        ),
        (
            "status -o xml",
            "invalid value for '-o' / '--output': 'xml' is not one of",
            "labtroupe status --help",
        ),
        ("show", "missing argument 'NAME'", "labtroupe show --help"),
        ("tree heater", "got unexpected extra argument (heater)", "labtroupe tree --help"),
        (
            "call heater ramp 1 --timeout -5",
            "invalid value for '--timeout': '-5' is not",
            "labtroupe call --help",
        ),
        (
            "call heater ramp 1 --timeout nan",
            "invalid value for '--timeout': 'nan' is not",
            "labtroupe call --help",
        ),
    ],
)
def test_a_wrong_command_line_is_told_in_a_sentence_and_a_remedy(
    shell: Shell, line: str, sentence: str, remedy: str
) -> None:
    result = shell(*line.split())
    first, second = result.err.splitlines()

    assert (result.code, result.out) == (2, "")
    assert first.startswith(f"labtroupe: {sentence}")
    assert second == f"  `{remedy}` says what can be written."


@pytest.mark.parametrize("option", ["-o json", "-ojson", "--output json", "--output=json", "-o jsonl"])
def test_a_wrong_command_line_is_told_in_json_where_json_is_wanted(shell: Shell, option: str) -> None:
    result = shell("show", *option.split())

    assert json.loads(result.err)["error"]["code"] == "usage"


def test_what_has_no_end_is_no_document(shell: Shell) -> None:
    result = shell("events", "--follow", "-o", "json")

    assert result.code == 2
    assert json.loads(result.err)["error"]["message"].startswith("--follow has no end")


# --- check


def test_check_counts_the_instruments_of_a_right_file(place: Place, shell: Shell) -> None:
    file = str(place.bench("right", SIMULATED.partition("[instruments.slow]")[0]))

    assert shell("check", file).out == f"{file}: ok, 2 instruments\n"
    assert json.loads(shell("check", file, "-o", "json").out) == {
        "file": file,
        "mistakes": [],
        "instruments": 2,
        "groups": 0,
    }


def test_check_counts_the_groups_of_a_right_file(place: Place, shell: Shell) -> None:
    group = '[groups.rig]\nstrategy = "one_for_all"\nmembers = ["heater"]\n'
    file = str(place.bench("right", SIMULATED.partition("[instruments.slow]")[0] + group))

    assert shell("check", file).out == f"{file}: ok, 2 instruments, 1 group\n"
    assert json.loads(shell("check", file, "-o", "json").out)["groups"] == 1


def test_check_lists_every_mistake_in_a_line(place: Place, shell: Shell) -> None:
    text = '[bench]\nnmae = "x"\n[instruments.heater]\nkind = "linkan-t95"\naddress = "sim:linkam-t95"\n'
    file = str(place.bench("wrong", text))
    result = shell("check", file)
    mistakes = json.loads(shell("check", file, "-o", "json").out)["mistakes"]

    assert (result.code, result.err) == (2, "")
    assert [line.split(": ")[0] for line in result.out.splitlines()] == [f"{file}:2", f"{file}:4"]
    assert [mistake["line"] for mistake in mistakes] == [2, 4]


def test_check_says_what_cannot_be_simulated(place: Place, shell: Shell) -> None:
    """OA-16: all at once, with a line each."""
    one = '[instruments.NAME]\nkind = "slow_kinds:Homemade"\naddress = "serial:/dev/NAME"\n'
    file = str(place.bench("homemade", one.replace("NAME", "a") + one.replace("NAME", "b")))
    (place.files / "slow_kinds.py").write_text(
        "import labtroupe\nclass Homemade(labtroupe.Instrument): pass\n"
    )
    result = shell("check", file, "--simulate")

    assert shell("check", file).code == 0
    assert result.code == 2
    assert [line.split(": ")[:2] for line in result.out.splitlines()] == [
        [f"{file}:1", "instruments.a"],
        [f"{file}:4", "instruments.b"],
    ]
    assert 'simulation = "sim:package.module:Class"' in result.out


def test_check_says_that_all_can_be_simulated(place: Place, shell: Shell) -> None:
    file = str(place.bench("right", SIMULATED.partition("[instruments.slow]")[0]))

    assert shell("check", file, "--simulate").out == f"{file}: ok, 2 instruments, and all can be simulated\n"


def test_check_of_a_missing_file_says_so(shell: Shell) -> None:
    result = shell("check", "/nowhere/bench.toml")

    assert result.code == 2
    assert result.out.startswith("/nowhere/bench.toml: ")


# --- starting


@pytest.mark.parametrize(
    ("line", "without"),
    [
        ("--help", {"trio", "rich", "attr", "msgspec", "labtroupe.client"}),
        ("status -o json", {"trio", "rich", "attr"}),
        ("status", {"trio", "attr"}),
    ],
)
def test_a_command_imports_no_more_than_it_needs(place: Place, line: str, without: set[str]) -> None:
    """`--help` is to start in 0.1 s and `status` to answer in 0.15 s, of which most is imports."""
    script = f"import sys; from labtroupe.cli import main; main({line.split()!r}); print(*sys.modules)"
    result = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", script], capture_output=True, text=True, env=place.environment(), check=True
    )

    assert set(result.stdout.splitlines()[-1].split()) & without == set()
