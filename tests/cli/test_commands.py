"""What the commands print, and what they exit with, against a bench that runs."""

from __future__ import annotations

import json
import re

import pytest

from labtroupe.simulation import FAULTS, OPTIONS

from ._benches import Program
from .conftest import Shell

pytestmark = pytest.mark.usefixtures("bench")


@pytest.fixture(autouse=True)
def _ready(bench: Program) -> None:
    bench.wait_for(r"psu +running$")
    bench.wait_for(r"slow +running$")


# --- looking


def test_status_lists_what_runs(shell: Shell) -> None:
    result = shell("status")
    title, heads, *rows = result.out.splitlines()

    assert (title, result.code) == ("one: 3 of 3 running", 0)
    assert re.fullmatch(r"device +state +last ok +wire +mailbox +note", heads)
    assert [row.split()[0] for row in rows] == ["heater", "psu", "slow"]
    assert re.fullmatch(r"psu \(sim\) +running +\S.* +in step +0/16", rows[1])


def test_status_of_one_instrument_lists_it_alone(shell: Shell) -> None:
    result = shell("status", "psu", "-o", "json")

    assert [each["name"] for each in json.loads(result.out)["instruments"]] == ["psu"]


def test_status_as_json_lines_is_one_instrument_per_line(shell: Shell) -> None:
    lines = shell("status", "-o", "jsonl").out.splitlines()

    assert [json.loads(line)["name"] for line in lines] == ["heater", "psu", "slow"]


def test_tree_shows_each_below_what_it_needs(shell: Shell) -> None:
    result = shell("tree")

    assert result.out.splitlines() == [
        "one",
        "├── heater (sim)  running  linkam-t95",
        "│   └── psu (sim)  running  dc-power-supply",
        "└── slow (sim)  running  slow_kinds:Slow",
    ]


def test_tree_as_json_says_who_needs_whom(shell: Shell) -> None:
    document = json.loads(shell("tree", "-o", "json").out)

    assert {each["name"]: each["depends_on"] for each in document["instruments"]} == {
        "heater": [],
        "psu": ["heater"],
        "slow": [],
    }


def test_show_lists_commands_with_arguments_limits_and_units(shell: Shell) -> None:
    lines = shell("show", "heater").out.splitlines()

    assert lines[0] == "heater: linkam-t95 at sim:linkam-t95 (simulated)"
    assert "temperature -> number degC" in lines
    start = lines.index("ramp LIMIT [RATE]")
    assert lines[start + 1 : start + 4] == [
        "    Go to a temperature at a rate, and hold it there; returns when the ramp has started.",
        "    limit  number between -200 and 600 degC",
        "    rate   number between 0.01 and 150 degC/min; 10.0 if not given",
    ]


def test_show_says_what_it_does_before_what_it_can_be_asked(shell: Shell) -> None:
    """S14: state, restarts and readings, each with its quality and age."""
    shell("call", "heater", "temperature")
    lines = shell("show", "heater").out.splitlines()
    status = json.loads(shell("show", "heater", "-o", "json").out)["status"]

    assert re.fullmatch(r"  running for \d+(\.\d)? s, life 1", lines[2])
    assert lines[3] == "  0 of 3 restarts in 30 s, 0 failures in a row"
    assert re.fullmatch(r"  temperature  2\d\.\d degC, good, \d\.\d s ago", lines[4])
    assert [each["name"] for each in status["readings"]] == ["temperature", "status"]
    assert status["readings"][0]["quality"] == "good"


def test_show_prints_plain_text(shell: Shell) -> None:
    """The marks of docstrings are for the documentation."""
    text = shell("show", "psu").out

    assert "Manufacturer, model, serial number and firmware (*IDN?)." in text
    assert "errors -> list of text" in text


def test_show_as_json_has_all_of_a_command(shell: Shell) -> None:
    document = json.loads(shell("show", "psu", "-o", "json").out)
    switch = next(each for each in document["commands"] if each["name"] == "switch")

    assert document["depends_on"] == ["heater"]
    assert switch == {
        "name": "switch",
        "summary": "Switch the output on or off.",
        "parameters": [
            {"name": "on", "type": "on or off", "limits": "", "unit": "", "required": True, "default": None}
        ],
        "returns": "",
        "unit": "",
        "timeout": 3.0,
        "idempotent": False,
    }


def test_events_tell_when_who_and_what(shell: Shell) -> None:
    lines = shell("events").out.splitlines()

    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}  heater  starting", lines[0])


def test_events_of_one_instrument_are_its_own(shell: Shell) -> None:
    lines = shell("events", "--instrument", "psu", "-o", "jsonl").out.splitlines()

    assert {json.loads(line)["instrument"] for line in lines} == {"psu"}
    assert json.loads(lines[0])["kind"] == "state"


# --- asking


def test_call_prints_the_bare_value_into_a_pipe(shell: Shell) -> None:
    result = shell("call", "heater", "temperature")

    assert result.code == 0
    assert float(result.out) > -200


def test_call_as_json_has_the_unit(shell: Shell) -> None:
    document = json.loads(shell("call", "heater", "temperature", "-o", "json").out)

    assert list(document) == ["value", "unit"]
    assert document["unit"] == "degC"


def test_call_prints_fields_in_their_order(shell: Shell) -> None:
    lines = shell("call", "heater", "status").out.splitlines()

    assert [line.split()[0] for line in lines] == ["mode", "temperature", "errors", "pump_speed"]


def test_call_prints_nothing_where_nothing_is_returned(shell: Shell) -> None:
    result = shell("call", "psu", "set_voltage", "5")

    assert (result.code, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize(
    "words",
    [
        ["ramp", "-40"],
        ["ramp", "-40", "rate=5"],
        ["ramp", "-4e1", "5", "--timeout", "2"],
        ["--timeout", "2", "ramp", "limit=-40"],
        ["ramp", "--", "-40"],
        ["--", "ramp", "-40"],
    ],
    ids=" ".join,
)
def test_call_takes_negative_numbers_as_values(shell: Shell, words: list[str]) -> None:
    result = shell("call", "heater", *words)

    assert (result.code, result.err) == (0, "")


def test_call_takes_what_follows_two_dashes_as_it_is(shell: Shell) -> None:
    result = shell("call", "psu", "query", "--", "volts=5?", "--bench")

    assert result.err.startswith("labtroupe: psu: query takes request, and 2 values were given")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["heatr", "status"], 4, "there is no instrument 'heatr' on this bench; did you mean 'heater'?"),
        (["heater", "stats"], 4, "heater: no command 'stats'; did you mean 'status'?"),
        (["heater", "ramp", "hot"], 2, "heater: ramp: limit must be a number between -200 and 600 degC"),
        (["heater", "ramp", "601"], 2, "heater: ramp: limit must be a number between -200 and 600 degC"),
        (["heater", "ramp"], 2, "heater: ramp takes limit [rate]; limit is missing"),
        (["heater", "ramp", "1", "speed=2"], 2, "heater: ramp has no argument 'speed'"),
        (["psu", "set_voltage", "31"], 2, "psu: volts must be at most 30 on this bench, not 31"),
    ],
    ids=str,
)
def test_call_refuses_what_cannot_be_asked(shell: Shell, words: list[str], code: int, sentence: str) -> None:
    result = shell("call", *words)
    first, remedy = result.err.splitlines()

    assert (result.code, result.out) == (code, "")
    assert first.startswith(f"labtroupe: {sentence}")
    assert re.fullmatch(r"  \S.*\.", remedy)


# --- acting


def test_an_instrument_that_is_stopped_refuses_and_degrades_the_bench(shell: Shell) -> None:
    stopped = shell("stop", "slow")
    asked = shell("call", "slow", "status")
    seen = shell("status")
    started = shell("start", "slow")

    assert (stopped.code, stopped.out) == (0, "slow: stopped, was running: stopped by an operator\n")
    assert (asked.code, asked.err.splitlines()[1]) == (
        6,
        "  outcome: not sent (nothing has reached the device)",
    )
    assert (seen.code, seen.out.splitlines()[0]) == (3, "one: 2 of 3 running")
    assert (started.code, started.out) == (0, "slow: running, was stopped\n")


def test_restart_gives_a_new_life(shell: Shell) -> None:
    before = json.loads(shell("status", "psu", "-o", "jsonl").out)["life"]
    result = shell("restart", "psu", "-o", "json")

    assert result.code == 0
    assert json.loads(result.out) == {
        "instrument": "psu",
        "before": "running",
        "after": "running",
        "changed": True,
        "done": True,
        "note": "",
    }
    assert json.loads(shell("status", "psu", "-o", "jsonl").out)["life"] == before + 1


def test_one_that_is_suspended_says_so_everywhere_until_it_is_resumed(shell: Shell) -> None:
    """S13: and each answer tells what was so before."""
    first, again = shell("suspend", "slow"), shell("suspend", "slow", "-o", "json")
    refused, seen, tree, shown = (
        shell(*words)
        for words in (["call", "slow", "status"], ["status", "slow"], ["tree"], ["show", "slow"])
    )
    resumed, for_nothing = shell("resume", "slow"), shell("resume", "slow")

    assert (first.code, first.out) == (0, "slow: suspended\n")
    assert json.loads(again.out) == {
        "instrument": "slow",
        "before": "running",
        "after": "running",
        "changed": False,
        "done": True,
        "note": "was suspended already",
    }
    assert (refused.code, refused.err.splitlines()[2]) == (6, "  Let it go on: `labtroupe resume NAME`.")
    assert re.search(r"^slow \(sim\) +running .* suspended$", seen.out, re.MULTILINE)
    assert "└── slow (sim)  running  slow_kinds:Slow  suspended" in tree.out.splitlines()
    assert "  suspended" in shown.out.splitlines()
    assert (resumed.code, resumed.out) == (0, "slow: takes commands again\n")
    assert (for_nothing.code, for_nothing.out) == (0, "slow: was not suspended\n")


def test_clear_says_what_it_has_cleared(shell: Shell) -> None:
    """S8."""
    result = shell("clear", "slow")

    assert (result.code, result.out) == (0, "slow: nothing was in quarantine\n")


@pytest.mark.parametrize(
    "verb", ["start", "stop", "restart", "suspend", "resume", "clear", "halt", "show", "status"]
)
def test_an_instrument_that_does_not_exist_is_not_found(shell: Shell, verb: str) -> None:
    result = shell(verb, "pump")

    assert (result.code, result.out) == (4, "")
    assert "there is no instrument 'pump' on this bench" in result.err


def test_fault_tells_what_is_in_force_and_status_too(shell: Shell) -> None:
    mute = shell("fault", "heater", "mute", "30s")
    seen = shell("status", "heater")
    clear = shell("fault", "heater", "clear", "-o", "json")

    assert (mute.code, mute.out) == (0, "heater: mute for another 30.0 s\n")
    assert re.search(r"fault: mute for another [23]\d\.\d s$", seen.out)
    assert json.loads(clear.out) == {"instrument": "heater", "faults": []}


def test_a_fault_that_does_not_exist_is_refused_with_the_list(shell: Shell) -> None:
    result = shell("fault", "heater", "unplugged")

    assert result.code == 2
    assert result.err.splitlines() == [
        "labtroupe: heater: there is no fault 'unplugged'",
        f"  Did you mean `unplug`? The faults are: {', '.join(sorted(FAULTS))}.",
    ]


def test_fault_explains_the_kinds_and_options_there_are(shell: Shell) -> None:
    listed = shell("fault", "--help").out.partition("kinds of faults:\n")[2]
    kinds, _, options = listed.partition("\n\n")
    rows = [
        re.split(r" {2,}", line.strip(), maxsplit=1)
        for line in [*kinds.splitlines(), *options.splitlines()[1:]]
    ]

    assert rows == [
        *([kind.usage, kind.summary] for kind in FAULTS.values()),
        *([option.usage, option.summary] for option in OPTIONS.values()),
    ]


def test_a_fault_takes_options_and_says_what_it_waits_for(shell: Shell) -> None:
    said = shell("fault", "heater", "garbled", "5s", "said=300", "chance=0.5", "seed=7")
    wrong = shell("fault", "heater", "late", "1s", "chance=2")
    shell("fault", "heater", "clear")

    assert said.out == "heater: garbled with chance 0.5 after 300 more bytes said\n"
    assert (wrong.code, wrong.err.splitlines()) == (
        2,
        ["labtroupe: heater: chance=2: this is no probability", "  Write it like `chance=0.1`."],
    )
