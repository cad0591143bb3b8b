"""What load_bench makes of groups, and of instruments that start on demand."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from labtroupe.bench import BenchConfig, GroupConfig, load_bench
from labtroupe.policy import Group, RestartLimit, Strategy


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def bench(text: str, **depends_on: str) -> BenchConfig:
    """Return what a file with this text says, after instruments whose names are letters."""
    tables = (
        f'[instruments.{name}]\nkind = "scpi"\naddress = "sim:scpi"\ndepends_on = {list(needed)}\n'
        for name, needed in depends_on.items()
    )
    Path("bench.toml").write_text("".join(tables) + inspect.cleandoc(text))
    return load_bench("bench.toml")


def test_a_group_has_what_is_written() -> None:
    config = bench(
        """
        [groups.rig]
        strategy = "rest_for_one"
        members = ["b", "a"]
        restart = { max_restarts = 1, max_seconds = 2, max_attempts = 3, healthy_after = 4 }

        [groups.single]
        strategy = "one_for_one"
        members = ["c"]
        """,
        a="",
        b="",
        c="",
        d="",
    )

    limit = RestartLimit(max_restarts=1, max_seconds=2.0, max_attempts=3, healthy_after=4.0)
    assert config.groups == (
        GroupConfig(name="rig", members=("b", "a"), group=Group(Strategy.REST_FOR_ONE, limit)),
        GroupConfig(name="single", members=("c",), group=Group(Strategy.ONE_FOR_ONE)),
    )
    assert [each.policy.group for each in config.instruments] == ["rig", "rig", "single", ""]


def test_what_is_not_written_is_as_the_policy_has_it() -> None:
    config = bench('[groups.rig]\nstrategy = "one_for_all"\nmembers = ["a"]', a="")

    assert [each.group for each in config.groups] == [Group(Strategy.ONE_FOR_ALL)]
    assert bench("", a="").groups == ()


def test_in_one_for_one_there_is_no_order_and_no_common_limit() -> None:
    """S5: so nothing contradicts what its members depend on, and a limit of their own is right."""
    text = 'restart = { max_restarts = 1 }\n[groups.rig]\nstrategy = "one_for_one"\nmembers = ["b", "a"]'
    config = bench(text, a="", b="a")

    assert [each.policy.limit.max_restarts for each in config.instruments] == [3, 1]
    assert "".join(each.name for each in config.in_order()) == "ab"


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_the_order_of_the_list_is_that_of_the_group(strategy: str) -> None:
    """S3: within what the members depend on, and beyond what the file has for an order."""
    config = bench(
        f'[groups.rig]\nstrategy = "{strategy}"\nmembers = ["c", "a", "b"]', b="", a="", y="b", c="x", x=""
    )

    assert "".join(each.name for each in config.instruments) == "baycx"
    assert "".join(each.name for each in config.in_order()) == "xcaby"


def test_groups_that_wait_for_one_another_have_an_order_too() -> None:
    """S3: those of one between those of the other."""
    config = bench(
        """
        [groups.rig]
        strategy = "one_for_all"
        members = ["b", "a"]
        [groups.other]
        strategy = "rest_for_one"
        members = ["d", "c"]
        """,
        a="c",
        b="",
        c="",
        d="b",
    )

    assert "".join(each.name for each in config.in_order()) == "bdca"


def test_an_instrument_on_demand_is_neither_started_with_the_bench_nor_required() -> None:
    """S11."""
    (lamp,) = bench('connect = "on-demand"', a="").instruments

    assert (lamp.policy.on_demand, lamp.policy.required) == (True, False)


def test_a_required_instrument_may_depend_on_one_on_demand() -> None:
    """S11: it is started for it."""
    Path("bench.toml").write_text(
        '[instruments.a]\nkind = "scpi"\naddress = "sim:scpi"\nconnect = "on-demand"\n'
        '[instruments.b]\nkind = "scpi"\naddress = "sim:scpi"\nconnect = "required"\ndepends_on = ["a"]\n'
    )

    assert [each.policy.on_demand for each in load_bench("bench.toml").instruments] == [True, False]
