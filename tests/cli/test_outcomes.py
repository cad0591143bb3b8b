"""What the command line says, and exits with, whatever becomes of a command: a double answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from labtroupe.cli import main
from labtroupe.errors import CommandError, CommandRefused, LinkLost
from labtroupe.kinds import LinkamT95
from labtroupe.testing import Double, FakeBench, MakeDouble, Rule

REFUSED = "refused (the device said no)"
NOT_SENT = "not sent (nothing has reached the device)"
UNKNOWN = "unknown (the device may have acted)"


class Jammed(CommandError):
    """An error of a driver's own."""

    code = "jammed"


Outcome = tuple[Callable[[Rule[None]], object], int, str, str]
"""How a double answers; then the exit code, the sentence, and what has become of the command."""

OUTCOMES: Mapping[str, Outcome] = {
    "refused": (lambda hold: hold.raises(CommandRefused("too hot")), 1, "too hot", REFUSED),
    "jammed": (lambda hold: hold.raises(Jammed("the lid is jammed")), 1, "the lid is jammed", REFUSED),
    "not sent": (lambda hold: hold.raises(LinkLost("unplugged"), sent=False), 1, "unplugged", NOT_SENT),
    "link lost": (lambda hold: hold.raises(LinkLost("unplugged")), 5, "unplugged", UNKNOWN),
    "crashed": (lambda hold: hold.crash(), 5, "LinkamT95.hold() crashed", UNKNOWN),
    "late": (lambda hold: hold.hang(), 5, "LinkamT95.hold() was not done within 0.2", UNKNOWN),
}


@pytest.fixture
def heater(make_double: MakeDouble) -> Double[LinkamT95]:
    """Make what stands in for a heater."""
    return make_double(LinkamT95)


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_outcome_has_its_words_and_its_exit_code(
    fake_bench: FakeBench, heater: Double[LinkamT95], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """R3."""
    answer, code, sentence, outcome = OUTCOMES[name]
    answer(heater.when(LinkamT95.hold()))
    with fake_bench({"heater": heater}) as bench:
        bench.connect("heater")
        exited = main(["call", "heater", "hold", "--timeout", "0.2"])
    said = capsys.readouterr().err.splitlines()

    assert exited == code
    assert said[0].startswith(f"labtroupe: heater: {sentence}")
    assert said[1] == f"  outcome: {outcome}"


def test_a_failure_as_json_has_all_of_the_error(
    fake_bench: FakeBench, heater: Double[LinkamT95], capsys: pytest.CaptureFixture[str]
) -> None:
    heater.when(LinkamT95.hold()).hang()
    with fake_bench({"heater": heater}) as bench:
        bench.connect("heater")
        main(["call", "heater", "hold", "--timeout=0.2", "--output=json"])
    error = json.loads(capsys.readouterr().err)["error"]

    assert list(error) == ["code", "message", "remedy", "instrument", "outcome"]
    assert (error["code"], error["instrument"], error["outcome"]) == ("timeout", "heater", "unknown")
