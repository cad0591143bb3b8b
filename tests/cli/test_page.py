"""docs/reference/command-line.md has every command, option and exit code."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from labtroupe.cli import _exit_codes
from labtroupe.cli._group import COMMANDS, group
from labtroupe.simulation import FAULTS, OPTIONS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (REFERENCE / "command-line.md").read_text()


def command(name: str) -> click.Command:
    """Return a subcommand."""
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return found


def sections() -> dict[str, str]:
    """Return the text about each command, by its name."""
    parts = re.split(r"^## `labtroupe (\w+)", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_has_the_commands_there_are() -> None:
    assert list(sections()) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_the_arguments_of_a_command(name: str) -> None:
    usage = command(name).collect_usage_pieces(click.Context(command(name)))

    assert sections()[name].splitlines()[0] == "".join(f" {piece}" for piece in usage[1:]) + "`"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_the_options_of_a_command_and_no_others(name: str) -> None:
    options = {word for each in command(name).params if isinstance(each, click.Option) for word in each.opts}
    listed = "\n".join(line for line in sections()[name].splitlines() if line.startswith("- "))

    assert set(re.findall(r"`(--?[\w-]+)(?=[` ])", re.sub(r": .*", "", listed))) == options


def test_the_page_has_the_exit_codes_there_are() -> None:
    codes = [value for name, value in vars(_exit_codes).items() if name.isupper() and isinstance(value, int)]

    assert [int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)] == codes


def test_the_menu_has_the_faults_and_options_there_are() -> None:
    page = (REFERENCE / "faults.md").read_text()

    assert re.findall(r"^\| `(.*)` \| (.*) \|$", page, re.MULTILINE) == [
        *((kind.usage, kind.summary) for kind in FAULTS.values()),
        *((option.usage, option.summary) for option in OPTIONS.values()),
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str) -> None:
    assert command(name).help
    assert all(each.help for each in command(name).params if isinstance(each, click.Option))
